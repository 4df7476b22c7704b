"""What a run found, as figures and as one page. Renders what `validation` judged; nothing is judged
here.
"""
