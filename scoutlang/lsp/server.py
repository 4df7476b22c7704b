"""The Language Server Protocol over `document`: each request is one function here, and none of them decides anything about the language.

Texts come whole with every change (pygls would cut lines where the protocol does not), positions are in UTF-16 code units.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from cattrs import Converter
from lsprotocol import types as lsp
from pygls import uris
from pygls.exceptions import JsonRpcInvalidParams
from pygls.lsp.server import LanguageServer
from pygls.protocol import default_converter

from scoutlang import __version__, completing, manual
from scoutlang.descriptors import signatures
from scoutlang.diagnostics.render.lsp import publication
from scoutlang.errors import ScoutError
from scoutlang.frontend.layout import formatted
from scoutlang.lsp.document import Document
from scoutlang.lsp.positions import Positions
from scoutlang.manual import Page
from scoutlang.signatures import DescriptorSignature
from scoutlang.source import Source, Span

DELAY = 0.05
"""Seconds without another change after which a text is checked."""

_COMPLETION_KINDS: Mapping[str, lsp.CompletionItemKind] = {
    "statement": lsp.CompletionItemKind.Keyword,
    "keyword": lsp.CompletionItemKind.Keyword,
    "descriptor": lsp.CompletionItemKind.Function,
    "function": lsp.CompletionItemKind.Function,
    "parameter": lsp.CompletionItemKind.Field,
    "element": lsp.CompletionItemKind.Class,
    "param": lsp.CompletionItemKind.Variable,
    "let": lsp.CompletionItemKind.Variable,
    "motif": lsp.CompletionItemKind.Method,
    "argument": lsp.CompletionItemKind.Variable,
    "module": lsp.CompletionItemKind.Module,
    "setting": lsp.CompletionItemKind.Property,
    "value": lsp.CompletionItemKind.EnumMember,
    "unit": lsp.CompletionItemKind.Unit,
    "file": lsp.CompletionItemKind.File,
}
_TOKEN_TYPES: Mapping[str, str] = {
    "comment": "comment",
    "string": "string",
    "number": "number",
    "operator": "operator",
    "statement": "keyword",
    "keyword": "keyword",
    "function": "function",
    "descriptor": "function",
    "setting": "property",
    "value": "enumMember",
    "unit": "type",
    "element": "class",
    "param": "variable",
    "let": "variable",
    "motif": "macro",
    "argument": "parameter",
    "label": "label",
    "module": "namespace",
}
_LEGEND = lsp.SemanticTokensLegend(token_types=list(dict.fromkeys(_TOKEN_TYPES.values())), token_modifiers=[])
_SYMBOL_KINDS: Mapping[str, lsp.SymbolKind] = {
    "import": lsp.SymbolKind.Module,
    "param": lsp.SymbolKind.Variable,
    "let": lsp.SymbolKind.Constant,
    "motif": lsp.SymbolKind.Function,
    "system": lsp.SymbolKind.Namespace,
    "require": lsp.SymbolKind.Event,
    "prefer": lsp.SymbolKind.Event,
    "expect": lsp.SymbolKind.Event,
}


class Server(LanguageServer):
    """Knows the open documents, and the catalogue and manual, which are read once."""

    def __init__(self) -> None:
        super().__init__("scout", __version__, text_document_sync_kind=lsp.TextDocumentSyncKind.Full)
        self._documents: dict[str, tuple[str, Document]] = {}
        self.converter: Converter = default_converter()  # type: ignore[no-untyped-call]

    @cached_property
    def signatures(self) -> Mapping[str, DescriptorSignature]:
        return dict(signatures())

    @cached_property
    def pages(self) -> list[Page]:
        return manual.pages()

    def document(self, uri: str) -> Document:
        """The program as it stands in the editor now."""
        text = self.workspace.get_text_document(uri).source
        known = self._documents.get(uri)
        if known is None or known[0] != text:
            path = uris.to_fs_path(uri) if uri.startswith("file:") else None
            source = Source(path or uri, text, Path(path).parent if path else None)
            known = self._documents[uri] = (text, Document(source, self.signatures, lambda: self.pages))
        return known[1]

    def forget(self, uri: str) -> None:
        self._documents.pop(uri, None)


def create() -> Server:
    """A server with all that it can do; `start_io` runs it."""
    logging.getLogger("pygls").setLevel(logging.ERROR)  # standard error is shown by editors
    server = Server()
    features: Mapping[str, tuple[Callable[..., Any], Any]] = {
        lsp.TEXT_DOCUMENT_DID_OPEN: (_opened, None),
        lsp.TEXT_DOCUMENT_DID_CHANGE: (_changed, None),
        lsp.TEXT_DOCUMENT_DID_SAVE: (_saved, None),
        lsp.TEXT_DOCUMENT_DID_CLOSE: (_closed, None),
        lsp.TEXT_DOCUMENT_CODE_ACTION: (_quick_fixes, lsp.CodeActionOptions(code_action_kinds=[lsp.CodeActionKind.QuickFix])),
        lsp.TEXT_DOCUMENT_HOVER: (_hover, None),
        lsp.TEXT_DOCUMENT_COMPLETION: (_complete, lsp.CompletionOptions(trigger_characters=list('(-=.,"{'))),
        lsp.TEXT_DOCUMENT_DEFINITION: (_definition, None),
        lsp.TEXT_DOCUMENT_REFERENCES: (_references, None),
        lsp.TEXT_DOCUMENT_PREPARE_RENAME: (_prepare_rename, None),
        lsp.TEXT_DOCUMENT_RENAME: (_rename, lsp.RenameOptions(prepare_provider=True)),
        lsp.TEXT_DOCUMENT_FORMATTING: (_format, None),
        lsp.TEXT_DOCUMENT_DOCUMENT_SYMBOL: (_symbols, None),
        lsp.TEXT_DOCUMENT_SEMANTIC_TOKENS_FULL: (_tokens, _LEGEND),
    }
    for method, (function, options) in features.items():
        server.feature(method, options)(function)
    return server


# ---- texts and messages ----


def _opened(server: Server, params: lsp.DidOpenTextDocumentParams) -> None:
    _publish(server, params.text_document.uri)


async def _changed(server: Server, params: lsp.DidChangeTextDocumentParams) -> None:
    uri, version = params.text_document.uri, params.text_document.version
    await asyncio.sleep(DELAY)
    current = server.workspace.text_documents.get(uri)
    if current is not None and current.version == version:
        _publish(server, uri)


def _saved(server: Server, params: lsp.DidSaveTextDocumentParams) -> None:
    # A file that others import has changed.
    for uri in server.workspace.text_documents:
        server.forget(uri)
        _publish(server, uri)


def _closed(server: Server, params: lsp.DidCloseTextDocumentParams) -> None:
    uri = params.text_document.uri
    server.forget(uri)
    server.text_document_publish_diagnostics(lsp.PublishDiagnosticsParams(uri, []))


def _publish(server: Server, uri: str) -> None:
    found = _diagnostics(server, uri)
    version = server.workspace.get_text_document(uri).version
    server.text_document_publish_diagnostics(lsp.PublishDiagnosticsParams(uri, found, version))


def _diagnostics(server: Server, uri: str) -> list[lsp.Diagnostic]:
    document = server.document(uri)
    data = publication(document.result.diagnostics, document.source)["diagnostics"]
    for diagnostic in data:
        for related in diagnostic.get("relatedInformation", ()):
            related["location"]["uri"] = uri  # as the editor writes it
    return server.converter.structure(data, list[lsp.Diagnostic])


def _quick_fixes(server: Server, params: lsp.CodeActionParams) -> list[lsp.CodeAction]:
    """The fixes of the messages that the range touches."""
    uri, document = params.text_document.uri, server.document(params.text_document.uri)
    wanted = Span(_offset(document, params.range.start), _offset(document, params.range.end))
    actions = []
    for diagnostic, shown in zip(document.result.diagnostics, _diagnostics(server, uri), strict=True):
        place = diagnostic.primary.span if diagnostic.primary else Span(0, 0)
        if diagnostic.fix is None or place.start > wanted.end or wanted.start > place.end:
            continue
        replaced, new = document.source.slice(diagnostic.fix.span), diagnostic.fix.replacement
        title = f"Replace `{replaced}` by `{new}`" if replaced and new else f"Insert `{new}`" if new else f"Remove `{replaced}`"
        edit = lsp.TextEdit(_range(document, diagnostic.fix.span), new)
        only = len(document.result.diagnostics) == 1
        actions.append(
            lsp.CodeAction(title, lsp.CodeActionKind.QuickFix, [shown], is_preferred=only, edit=lsp.WorkspaceEdit({uri: [edit]}))
        )
    return actions


# ---- what is asked about a place ----


def _hover(server: Server, params: lsp.HoverParams) -> lsp.Hover | None:
    document, offset = _place(server, params)
    found = document.hover(offset)
    if found is None:
        return None
    span, text = found
    return lsp.Hover(lsp.MarkupContent(lsp.MarkupKind.Markdown, text), _range(document, span))


def _complete(server: Server, params: lsp.CompletionParams) -> lsp.CompletionList:
    document, offset = _place(server, params)
    found = completing.complete(document.source.text, offset, folder=document.source.folder)
    items = [
        lsp.CompletionItem(
            c.text,
            kind=_COMPLETION_KINDS[c.kind],
            detail=f"{c.kind}, {c.unit}" if c.unit else c.kind,
            documentation=c.help or None,
            sort_text=f"{i:05}",
            filter_text=c.text,
            text_edit=lsp.TextEdit(_range(document, Span(c.start, offset)), c.text),
        )
        for i, c in enumerate(found)
    ]
    return lsp.CompletionList(is_incomplete=False, items=items)


def _definition(server: Server, params: lsp.DefinitionParams) -> lsp.Location | None:
    document, offset = _place(server, params)
    found = document.definition(offset)
    if found is None:
        return None
    path, source, span = found
    if path is None:
        return lsp.Location(params.text_document.uri, _range(document, span))
    return lsp.Location(path.resolve().as_uri(), _range_in(Positions(source.text), span))


def _references(server: Server, params: lsp.ReferenceParams) -> list[lsp.Location]:
    document, offset = _place(server, params)
    return [lsp.Location(params.text_document.uri, _range(document, span)) for span in document.uses(offset)]


def _prepare_rename(server: Server, params: lsp.PrepareRenameParams) -> lsp.PrepareRenamePlaceholder | None:
    document, offset = _place(server, params)
    spans = [s for s in document.uses(offset) if s.start <= offset <= s.end]
    if not spans:
        return None
    return lsp.PrepareRenamePlaceholder(_range(document, spans[-1]), document.source.slice(spans[-1]))


def _rename(server: Server, params: lsp.RenameParams) -> lsp.WorkspaceEdit:
    document, offset = _place(server, params)
    try:
        spans = document.renamed(offset, params.new_name)
    except ScoutError as error:
        raise JsonRpcInvalidParams(f"{error.message}: {error.hint}") from None
    return lsp.WorkspaceEdit({params.text_document.uri: [lsp.TextEdit(_range(document, s), params.new_name) for s in spans]})


# ---- the whole of a program ----


def _format(server: Server, params: lsp.DocumentFormattingParams) -> list[lsp.TextEdit] | None:
    document = server.document(params.text_document.uri)
    text = formatted(document.source).text
    if text is None or text == document.source.text:
        return None
    return [lsp.TextEdit(_range(document, Span(0, len(document.source.text))), text)]


def _symbols(server: Server, params: lsp.DocumentSymbolParams) -> list[lsp.DocumentSymbol]:
    document = server.document(params.text_document.uri)
    return [
        lsp.DocumentSymbol(
            s.name, _SYMBOL_KINDS.get(s.kind, lsp.SymbolKind.Property), _range(document, s.span), _range(document, s.name_span), s.kind
        )
        for s in document.symbols()
    ]


def _tokens(server: Server, params: lsp.SemanticTokensParams) -> lsp.SemanticTokens:
    """Five numbers a word: line and character after the one before it, length, type, no modifiers."""
    document = server.document(params.text_document.uri)
    data: list[int] = []
    line, character = 0, 0
    for word in document.words:
        row, column = document.positions.position(word.lexeme.start)
        length = document.positions.position(word.lexeme.end)[1] - column
        data += [row - line, column - character if row == line else column, length]
        data += [_LEGEND.token_types.index(_TOKEN_TYPES[word.kind]), 0]
        line, character = row, column
    return lsp.SemanticTokens(data)


# ---- places ----


def _place(server: Server, params: Any) -> tuple[Document, int]:
    """The document and the character offset that a request is about."""
    document = server.document(params.text_document.uri)
    return document, _offset(document, params.position)


def _offset(document: Document, position: lsp.Position) -> int:
    return document.positions.offset(position.line, position.character)


def _range(document: Document, span: Span) -> lsp.Range:
    return _range_in(document.positions, span)


def _range_in(positions: Positions, span: Span) -> lsp.Range:
    start, end = (lsp.Position(*positions.position(offset)) for offset in span)
    return lsp.Range(start, end)
