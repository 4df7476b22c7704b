"""The language server: what editors ask about a program. `document` knows the answers, `server`
speaks the protocol. Imports no torch.
"""
