"""Every code with its explanation, the page that ``scout explain CODE`` prints. E: error, W:
warning, I: note.

E00x the file, E01x how it is written, E02x statements and settings, E03x names, E04x quantities,
E05x meaning; E2xx structure files, E4xx data, potentials and references, E5xx models, E6xx runs,
E7xx the REPL.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

_PAGES = """
E001 the program cannot be read
The file does not exist, is a folder, or may not be opened. Check the path; `-` reads standard input
and `-c TEXT` takes the program from the command line.

E002 the program is not text
A program is UTF-8 text. Some bytes of this file cannot be decoded, so it is probably another kind
of file (a CIF archive, a checkpoint) or text in an old encoding; save it as UTF-8.

E003 the program is too large
A hypothesis is a page of text at most. A file of more than 2 000 000 characters, or with a line of
more than 100 000, is surely something else, so it is not read.

E004 nested too deeply
More brackets, signs or words such as `not` stand inside each other than any program needs. Usually
one key was pressed many times, or the file is not a program.

E005 the file is for a newer language
`scout N` in the first line says which version of the language the file is written in. This
installation knows older versions only. Install a newer scoutlang, or lower the number if the file
uses nothing new.

E006 too many errors
Reading stopped after many errors, because the first ones usually cause the rest. Mend those above
and check again.

E010 something else is expected here
The statement is well formed up to the marked place; there the language expects one of the things
listed. The example shows the usual form of this statement.

E011 unknown character
The marked character has no meaning in the language. Characters that only look like ASCII ones
(curly quotes, full-width brackets) often come from a word processor or a PDF.

E012 unknown statement
Every statement starts with its verb, in lower case. `scout doc statements` lists them.

E013 a bracket is not closed
Each `(`, `[` and `{` needs its partner before the statement ends. A line end inside brackets does
not end the statement, so a missing bracket may be noticed further down; the message shows where the
bracket was opened.

E014 a bracket closes nothing
There is a `)`, `]` or `}` without an opening partner. Remove it, or add the opening one.

E015 `=` is written once
A requirement is an equation, not a comparison of a programming language: `require CN(Cu-P) = 4`.

E016 a dash that is not a hyphen
Chains of elements are joined with the hyphen-minus of the keyboard. Texts copied from papers often
hold an en dash or a minus sign, which look the same and are other characters.

E017 the number cannot be represented
The number is larger than a double-precision number can be (about 1.8e308). There is probably a
typing error in its exponent.

E020 there is no system
A hypothesis is about a chemical system: `system Cu-Si-P-Ca` names the elements that the crystals
may hold. Everything else refers to it, so a program cannot do without.

E021 the statement appears twice
This statement is said once in a program; its page in the manual says so. Merge the
two, or remove one.

E022 the label is used twice
A label names a term in every table and plot, so two terms cannot share one.

E023 unknown setting
The statement has no setting of this name. The message lists those it has.

E024 the setting cannot have this value
The value is of another kind than the setting needs, or out of its range: `k` and `g` are strengths
≥ 0, `every`, `recur` and `batch` are counts, `method` and `normalize` are words.

E025 the setting is given twice
Each setting of a statement is given once; otherwise a reader would have to guess which counts.

E026 the version line comes first
`scout 1` says how to read all that follows, so it is the first statement of a file.

E030 the element is not in the system
Crystals hold only the elements of `system`. A term about another element could never be measured.
Add the element to the system, or name one that is there.

E031 not an element
Elements are written as their symbols, capital letter first: `Cu`, not `cu`, `CU` or `copper`. In a
descriptor `*` stands for all elements of the system and `{P, As}` for any of a set.

E032 unknown name
Nothing is called this: no descriptor, no function, and nothing that the program defines with
`param`, `let` or `motif`. `scout doc` lists what the language has.

E033 wrong arguments
A descriptor of pairs takes a chain of two species, centre first: `CN(Cu-P)` counts P around Cu. A
descriptor of three has its centre in the middle: `angle(P-Cu-P)`. A descriptor of the whole cell
takes none: `volume_per_atom`. A function such as `max` takes what it is a function of.

E034 unknown or missing parameter
The descriptor or motif has no parameter of this name, or cannot do without one. Parameters are
named: `CN(Cu-P, r=2.6 Å)`.

E035 the element is named twice
A system, or a set of species, names each element once. How much of it a crystal holds is not said
here.

E036 the word does not belong here
A descriptor such as `crystal_system` takes one of a few words, and so do some parameters
(`shape(Cu-P, tetrahedron)`). The message lists them. Words have no order, so `<` and ranges do not
apply.

E037 no such element in the system
A group such as `halogen` stands for those of its elements that the system has, and here that is
none. Check the system, or name another group.

E039 unknown module or name in a module
A name of a module is written with the module in front, `poly.octahedron`. Either no module was
imported under this name, or it has no such definition.

E040 unknown unit
Known are Å (A, Ang), nm, pm; ° (deg), rad; Å^3, nm^3 (also per atom); g/cm^3, kg/m^3; eV/atom,
meV/atom. A number without a unit is in the canonical one: Å, °, Å^3, g/cm^3, eV/atom.

E041 the unit measures something else
Units are part of the type: a length cannot be given in eV. A coordination number has no unit at
all.

E042 the range is backwards
A range is written lower end first: `in [14, 22]`. Guidance runs from noise, t = 1, to the crystal,
t = 0: `from 0.9 to 0.03`.

W043 shorter than any bond
The distance is much shorter than the sum of the covalent radii, so no crystal comes near it. The
usual cause is a value in nm written as Å.

E044 the descriptor never takes this value
Coordination numbers, distances and volumes are not negative. A bound below the least possible value
is either impossible or says nothing.

E045 the parameter is out of range
The parameter makes sense only within the limits given in the message.

E046 the weight or tolerance must be positive
A weight multiplies a term in the loss, a tolerance is the half-width of a target. Zero or less has
no meaning; remove the term instead.

E047 a tolerance needs `=`
`±` is the half-width around a target: `= 4 ± 0.3`. A bound (`<`, `>`, `in`) has none; move the
bound instead.

E048 the element has no covalent radius
The default neighbour radius is the sum of the covalent radii + 0.5 Å, and for the heaviest elements
the table of radii (Cordero 2008) ends. Give the radius: `CN(Bk-O, r=3 Å)`.

E049 a tolerance is needed
A single descriptor has a tolerance of its own for `=`. A product or a quotient of several has none,
so it must be written: `= 0.5 ± 0.05`.

E050 these requirements cannot hold together
No crystal satisfies both lines, so the run could never have a hit. Either they allow different
values of the same thing, or one value is never larger than the other: what counts fewer neighbours
never exceeds what counts more, and the shortest distance among fewer pairs is never below that
among more.

E051 this cannot guide
`require` and `prefer` steer the sampling through a gradient, and this descriptor has none; it can
be judged after sampling. Write `expect`, which judges only.

E052 a wish cannot be judged
`as low as possible` is neither true nor false of a crystal, so it cannot decide a hit. Write
`prefer`, or give a bound.

E053 a wish has fixed words
A wish is written `as low as possible` or `as high as possible`.

E054 the number of atoms needs an upper limit
`atoms` draws a cell size, so it needs both ends: `atoms in [8, 20]`, `atoms <= 20` or `atoms = 12`,
in whole numbers from 1.

W055 this hardly fits
The target is beyond what atoms of this size can do: more neighbours than find room within the
radius, or a volume below any known packing. The guidance would squeeze the crystal in vain. Check
the number and the radius.

W056 the smooth count does not reach the target
Guidance counts neighbours with a smooth step that is one half at the radius. At a radius close to
the bond length a perfect site counts as less than whole, so the guidance adds neighbours until the
smooth count fits, and the exact count, which decides hits, is then too high. Use the default
radius, or a larger one.

E057 this is something else
Species, quantities, and statements that are true or not are different things: `Cu-P` is a pair of
species, `CN(Cu-P)` a number, `CN(Cu-P) = 4` a statement. The message says which is here and which
belongs here.

E058 this has no value for each site
`each`, `any`, `fraction` and the aggregates (`mean`, `min`, `max`, `sum`, `std`) ask for a value of
every site, as `CN(Cu-P)` has one for every Cu. A property of the whole cell has none, and values of
different sites cannot be compared one by one.

E059 a number belongs here
The place takes a number that is known from the text: an exponent, the end of a range, a tolerance,
a parameter. Also, a claim compares something that is measured, never two numbers, and nothing is
divided by zero.

I060 the setting has no effect
`g`, `cap` and `normalize` belong to `method paper` (Algorithm 2 of the paper); `types`, `move` and
`strain` to the default method, `adaptive`. The chosen method does not use the setting.

I061 the model ignores the setting
`cfg` strengthens the condition on the chemical system, and this model was not trained with that
condition. Sampling goes on without it.

I062 a mean is one of several values
`angle(O-Cu-O) in {90, 180}` compares the mean of all angles, which for a square is neither. `each`
asks every one of them. A mean may be meant, as of a coordination number, and then all is well.

W062 the model makes no cells of this size
The model was trained on smaller cells than `atoms` or the `formula` asks for, so the run would be
refused.

W063 unknown model name
The name is none of the known models, but looks like one of them. If it is the folder of a
checkpoint, all is well.

W064 an element of the system is not in the formula
With a `formula` the composition is exact, so crystals hold none of this element, and claims about
it stay undefined. Take it out of the system, or put it into the formula.

W065 a claim is written twice
The same claim stands in two lines, perhaps in other units. Both pull while guiding, and each has a
line in the tables. If one of them should pull harder, give it a `weight`.

W070 a name is never used
A parameter, definition or import that nothing refers to. Often a name was misspelt where it should
be used.

E070 the name is taken
A name stands for one thing in a program. Names of elements, descriptors and functions cannot be
given to something else.

E071 a definition uses itself
The meaning of a name would depend on itself, perhaps through others, so it has none.

E072 the module cannot be imported
`import std.NAME` reads a module of the standard library, `import "folder/name.scout"` a file in the
program's folder or below it. A module holds `let`, `motif` and `import` statements only, is free of
errors, and modules do not import each other in a circle.

E073 the definitions unfold to too much
Motifs that use motifs can grow without bound. Above a limit no hypothesis is meant any more.

E074 wrong arguments of a definition
A motif is used with an argument for each of its parameters that has no default: `bonded(Cu, P)`. A
`let` or a `param` takes none.

E075 a parameter has no such value
A `param` is a number, with or without a unit, inside the range that the program gives for it.

E076 a value from outside does not fit
`--set NAME=VALUE` gives another value to a `param` of the program or to a setting of `guide` or
`sample`: `--set rc=2.5Å`, `--set k=0.4`.

E077 the sweep is not possible
`sweep NAME in {…}` names a `param` or a setting of `guide` or `sample`, each value once, and makes
1000 runs at most.

E078 the formula is not possible
A formula is symbols with whole numbers, `CuSi2P3`. Some whole number of formula units must fit the
cell that `atoms` allows.

E079 the file cannot be used
A descriptor that compares with a file takes its path in quotes, relative to the program and inside
its folder. The file is text of the kind that its name says, 2 MB at most.

E201 the structure file is not there
The path names nothing that can be read as a file: it does not exist, or it is a device or a pipe.
Check the path.

E202 the structure file is too large
Structure files above the limit are not read, so that a wrong path never fills the memory. Split the
file.

E203 the structure file cannot be read
The file is damaged, cut off, or not in the format that its name promises. Open it in another
program to see which.

E204 the structure is disordered
A site is shared by several species, or its species is unknown. Descriptors need one element per
site: make an ordered model first.

E205 unknown structure format
Known are CIF, extxyz and POSCAR files, zip archives of these, and folders. The format is taken from
the file name.

E206 the structure is not a crystal
A crystal needs three lattice vectors that span a volume. Molecules without a cell and cells without
thickness are refused.

E207 no structures inside
The file, archive or folder could be opened but holds no structure.

E208 too many atoms
Structures of more atoms than the limit are not measured, because exact values look at every pair of
sites.

E209 the template cannot be used
`similarity` compares with the surroundings of one site in a CIF. That file cannot be read, holds no
or several structures, is disordered, or has none of the asked-for neighbours within the radius of
its centre: the first site that is one of A's elements, else its first site. Give an ordered CIF
with one data block, or a larger `r`.

E210 the measured pattern cannot be used
`xrd` reads 2θ in degrees (rising, between 0 and 180) and intensity from the first two columns,
separated by blanks, commas or semicolons; `#` starts a comment and one line of column names may
come first. It needs 10 to 20 000 points, closer together than the peaks are wide, and some peaks
above a straight background.

E420 the training folder is in use
The folder holds a training run with other settings, which cannot be continued with these. Choose
another folder.

E421 the training state is damaged
The file with the state of an interrupted training cannot be read. Delete it to train from the
start.

E440 the potential cannot be used
No potential has this name, or the package that it needs is not installed. The message lists the
known ones, or says which extra to install.

E441 unknown reference set
No reference set has this name. The message lists the embedded sets and your own; `scout reference
add` makes others.

E442 the weights cannot be fetched
The weights of this potential are not in its package and are downloaded once, which failed. On a
machine without a network, copy the folder that the message names from one that has them.

E443 the model may run code
A pickled network and a TensorFlow graph are programs: opening one can do what any program can. A
model of your own is opened when you name the beginning of its SHA-256, as the message shows it. Do
so only if you trust who made it.

E444 there is no such model
The path names no file, or no folder with an exported model. Check it; docs/potentials.md says which
potential takes what.

E445 the model is another one
The beginning of the SHA-256 that you named is not that of the file. It was changed or replaced
since, or the hash is that of another model.

E446 the potential takes no model of your own
Only some potentials can open other weights than their own. The message lists them.

E447 the model cannot be opened
The file is damaged, it is no model of this potential, or another version of the package made it.
docs/potentials.md names the versions that were tried.

E450 the plug-in cannot be used
A descriptor, potential or stage of another package fails when it is imported, or its module lacks
what one needs. The message says what, and names the package. Programs that do not use it are not
affected. docs/descriptors.md, docs/potentials.md and docs/validation.md say what a plug-in is made
of.

E451 the name of a plug-in is taken
Two packages, or a package and the language, have a descriptor, potential or stage of the same name.
The one of the language counts; between two packages there is no choice, so one of them must go.

W450 the plug-in could not look at this
A descriptor of another package can doubt how it is used, and the code that does so failed. The use
may be right; the package needs mending.

E460 the name of a reference set cannot be used
A set of your own is a folder of this name, so it holds only letters, digits, `-` and `_`. `+` joins
sets where one is used (`mp-mini+mine`), and the names of embedded sets are taken.

E461 the reference set exists
There is a set of this name. Choose another, or say `--replace`: the old one stays until the new one
is complete.

E462 the source of a reference set is not understood
A source is a database known by name, the base URL of an OPTIMADE server, a file, folder or zip of
structures, or a JSON list of entries. From a database, only chemical systems are taken: `--elements
Cu-Si-P`.

E463 the database does not answer
The server could not be reached, or answered with an error, also when asked again. Pages that did
arrive are kept for a day: the same command goes on where it stopped.

E464 the answer of the database is refused
What the server sent is not OPTIMADE, is larger than any page, goes round in circles, or points to
another host. Most often the address is that of a web page and not of the OPTIMADE base URL.

E465 the reference set is damaged
The files of the set are not those that were stored. `scout reference verify` says what is wrong;
add the set again with `--replace`.

E466 nothing in the source can be used
The source was read, but held no ordered crystal within the limits of the command. The message
counts what was left out, by reason.

E467 the data folder cannot be written
Reference sets live in `$SCOUT_DATA`, else `$XDG_DATA_HOME/scoutlang`, else
`~/.local/share/scoutlang`. The disk is full, or the folder may not be written. Nothing half-written
is left.

E468 the Materials Project client cannot be used
`mp-api` needs a package (`pip install mp-api`) and a key in `MP_API_KEY`. The source `mp` takes the
same crystals through OPTIMADE, without either.

E480 the language server cannot start
`scout lsp` needs pygls: `pip install pygls`, or scoutlang with its extra `lsp`. Checking,
formatting and running need it not.

E500 mattergen is not installed
The package is installed beside its own pins, which cannot be resolved: `pip install --no-deps
mattergen==1.0.3`. See docs/install.md.

E510 unknown model
A model is `mini`, the name of a published MatterGen checkpoint, or the path of a checkpoint folder.

E511 the checkpoint is not complete
A MatterGen checkpoint folder holds `config.yaml` and `checkpoints/last.ckpt`. One of them is
missing.

E512 the configuration of the checkpoint is refused
The file is not a MatterGen configuration, or it asks for something that a configuration of a
stranger may not do: to construct classes of other packages, or to evaluate code.

E513 the weights are damaged
The weights file is cut off, is no checkpoint, or holds more than tensors. Download it again.

E514 weights and configuration disagree
The names or shapes in the weights are not those that the configuration builds. Take both files from
the same checkpoint.

E515 the model hub cannot be reached
Published checkpoints come from the Hugging Face hub. On a machine without a network use a folder
with the files that the message names.

E520 the model does not know the element
No training crystal of this model holds the element, so it cannot make structures of it.

E521 the model cannot make cells of this size
`atoms` asks for sizes outside those that the model was trained on.

E601 the run folder exists
A run never writes into the folder of another one. Choose a new folder with `--out`, or go on with
that run: `--resume`.

E602 the run folder cannot be written
The folder may not be written, or the disk is full. What was finished before is kept.

E603 the run folder holds another run
`--resume` goes on with the same program, settings, arms and weights only. Choose a new folder with
`--out`.

E604 a file of the run is damaged
The message names the file. One of sampled structures can be deleted: `scout run --resume` makes its
structures again, the same ones. A run whose manifest is damaged is begun anew in another folder. One
that a newer scoutlang has written needs that version.

E605 a sweep is a family of runs
A program with a `sweep` stands for several programs, each of which has a run of its own. `scout
run`, `:sweep` of the REPL and `scoutlang.sweep` of Python make a folder with a run for each.

E610 not the folder of a run
`scout validate`, `scout report` and `scout relax` take a folder with a manifest `run.json`, as
`scout run` and `scout validate` write it. `scout relax` takes finished runs only, with all of their
structures.

E612 another relaxation is there
The folder `relaxed` inside of the run holds structures that were relaxed with other settings, or
one of its files is damaged. The message says which. Move or delete what it names.

E620 no browser for pictures
PNG, SVG and PDF of the figures are drawn by Chromium or Chrome. Install one (`apt-get install
chromium` on Debian), or do without the files: the page of the report shows the same figures in any
browser.

E621 the browser did not draw
Chromium or Chrome is there, and it did not start or did not finish a picture. The message says what
it reported. See if `chromium --version` answers, and if the machine has memory left.

E701 no such command of the REPL
In the REPL a line that begins with `:` is a command, everything else belongs to the program.
`:help` lists the commands.

E702 the command wants something else
The command is there, but not with what follows it: too many or too few words, a name that nothing
has, a number out of range. The hint shows how it is called; `:help` lists all of them.

E703 there is nothing to work on yet
The command needs a whole program, with at least a `system`, or structures that were made in this
session: `:sample` makes a few, `:run` all that the program asks for. A batch that was stopped in
its middle leaves nothing: Ctrl-C once lets it be finished first.

E704 the file is in the way
A session writes over a file only when it is told so: `:save! pairs.scout`. Or the folder may not be
written; then choose another one.

E705 the editor did not open
`:edit` opens the program in the editor that the environment names, `VISUAL` or else `EDITOR`:
`EDITOR=nano scout`. The program of that name is not there, it ended with an error, or it left no
file behind. What was written before that is kept: `:edit` opens it again. In `scout replay` there
is nobody who edits: the lines below `:edit` that begin with `|` are the text, as a recorded session
has them.
"""


@dataclass(frozen=True, slots=True)
class Explanation:
    """The manual page of one code."""

    code: str
    title: str
    text: str


def _parse(page: str) -> Explanation:
    heading, *lines = page.strip().splitlines()
    code, _, title = heading.partition(" ")
    return Explanation(code, title, " ".join(lines))


EXPLANATIONS: Mapping[str, Explanation] = {e.code: e for e in map(_parse, _PAGES.split("\n\n"))}
