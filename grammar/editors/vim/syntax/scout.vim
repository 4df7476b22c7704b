" Made by `python -m scoutlang.interfaces.editor_syntax` of the grammar and the catalogue.
if exists("b:current_syntax")
  finish
endif
syntax case match

syntax keyword scoutStatement atoms expect formula import keep let motif param prefer require scout start
syntax keyword scoutStatement sweep symmetry system
syntax keyword scoutKeyword in as and or not implies each any weight loss symprec
syntax keyword scoutFunction mean min max sum std fraction radius abs
syntax keyword scoutDescriptor a alpha angle atomic_fraction b beta bond q bond_valence c centrosymmetric charge_balanced
syntax keyword scoutDescriptor chiral cluster conventional_a conventional_alpha conventional_b conventional_beta conventional_c conventional_gamma CN count crystal_system density
syntax keyword scoutDescriptor dimensionality distance distinct_sites distortion_index e_above_hull energy_per_atom formation_energy gamma largest_channel largest_pore layer_gap layer_spacing
syntax keyword scoutDescriptor min_distance novel oxidation_state packing_fraction point_group polar ring_size shape shared similarity spacegroup tilt
syntax keyword scoutDescriptor torsion trans unique volume_per_atom xrd
syntax keyword scoutValue l1 l2 huber hinge low high possible mini mini-1 mattergen_base mp_20_base chemical_system
syntax keyword scoutValue space_group dft_mag_density dft_band_gap ml_bulk_modulus dft_mag_density_hhi_score chemical_system_energy_above_hull constant ramp piecewise linear cosine adaptive
syntax keyword scoutValue paper structure guided plain promising all off both energy constraint gap bonds
syntax keyword scoutValue faces triclinic monoclinic orthorhombic tetragonal trigonal hexagonal cubic chgnet emt grace mace
syntax keyword scoutValue mattersim orb sevennet sevennet-l3i5 mm2 mmm trigonal_plane tetrahedron square_plane trigonal_bipyramid square_pyramid octahedron
syntax keyword scoutValue trigonal_prism cube square_antiprism cuboctahedron anticuboctahedron icosahedron together apart
syntax keyword scoutElement H He Li Be B C N O F Ne Na Mg
syntax keyword scoutElement Al Si P S Cl Ar K Ca Sc Ti V Cr
syntax keyword scoutElement Mn Fe Co Ni Cu Zn Ga Ge As Se Br Kr
syntax keyword scoutElement Rb Sr Y Zr Nb Mo Tc Ru Rh Pd Ag Cd
syntax keyword scoutElement In Sn Sb Te I Xe Cs Ba La Ce Pr Nd
syntax keyword scoutElement Pm Sm Eu Gd Tb Dy Ho Er Tm Yb Lu Hf
syntax keyword scoutElement Ta W Re Os Ir Pt Au Hg Tl Pb Bi Po
syntax keyword scoutElement At Rn Fr Ra Ac Th Pa U Np Pu Am Cm
syntax keyword scoutElement Bk Cf Es Fm
syntax keyword scoutSetting contained method k g from to every recur backward normalize cap sharpness types move strain corrector resample stability reward offspring which by rho steps count batch seed model cfg
syntax match scoutLabel "\%(\<\%(expect\|prefer\|require\)\s\+\)\@<=\K\k*\ze\s*:"
syntax match scoutDefinition "\%(\<\%(let\|motif\|param\)\s\+\)\@<=\K\k*"
syntax match scoutOperator "±\|+-\|+/-\|->\|→\|[<>=]=\|≤\|≥\|[-=<>*/^+]"
syntax match scoutNumber "\k\@1<!\%(\d\+\%(\.\d*\)\=\|\.\d\+\)\%([eE][+-]\=\d\+\)\=" nextgroup=scoutUnit skipwhite
syntax match scoutBracket "\]" nextgroup=scoutUnit skipwhite
syntax match scoutUnit contained "\%(angstroms\^3\/atom\|Angstrom\^3\/atom\|angstrom\^3\/atom\|angstroms\^2\|angstroms\^3\|Ang\^3\/atom\|Angstrom\^2\|Angstrom\^3\|ang\^3\/atom\|angstrom\^2\|angstrom\^3\|angstroms\|nm\^3\/atom\|pm\^3\/atom\|A\^3\/atom\|Angstrom\|angstrom\|meV\/atom\|Å\^3\/atom\|degrees\|eV\/atom\|degree\|g\/cm\^3\|kg\/m\^3\|Ang\^2\|Ang\^3\|ang\^2\|ang\^3\|g\/cc\|nm\^2\|nm\^3\|pm\^2\|pm\^3\|A\^2\|A\^3\|Ang\|GPa\|ang\|deg\|meV\|rad\|Å\^2\|Å\^3\|eV\|nm\|pm\|A\|°\|Å\)\%(\k\|\^\)\@!"
syntax match scoutMember "\.\k\+"
syntax region scoutString start=+"+ end=+"+ oneline
syntax match scoutComment "#.*$" contains=@Spell
syntax region scoutSettings matchgroup=scoutStatement start="\<\%(guide\|relax\|sample\)\>" end="$" end=";"me=e-1 contains=scoutSetting,scoutValue,scoutNumber,scoutString,scoutComment,scoutOperator

highlight default link scoutStatement Statement
highlight default link scoutKeyword Conditional
highlight default link scoutFunction Function
highlight default link scoutDescriptor Function
highlight default link scoutValue Constant
highlight default link scoutElement Type
highlight default link scoutSetting Identifier
highlight default link scoutLabel Label
highlight default link scoutDefinition Identifier
highlight default link scoutOperator Operator
highlight default link scoutNumber Number
highlight default link scoutUnit Special
highlight default link scoutString String
highlight default link scoutComment Comment

let b:current_syntax = "scout"
