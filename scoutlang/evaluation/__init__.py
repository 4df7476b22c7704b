"""What a program says of crystals: values, truth, margins, loss."""
