"""The Language Server Protocol over `document`: each request is one function here, and none of them
decides anything about the language.

Texts come whole with every change (pygls would cut lines where the protocol does not), positions
are in UTF-16 code units.
"""

from __future__ import annotations

import asyncio
import logging
import os
import re
import sys
import time
from collections.abc import Callable, Generator, Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO, TypeVar, cast, get_args

from cattrs import Converter
from lsprotocol import types as lsp
from pygls import uris
from pygls.exceptions import (
    JsonRpcException,
    JsonRpcInvalidParams,
    JsonRpcInvalidRequest,
    JsonRpcServerNotInitialized,
)
from pygls.lsp.server import LanguageServer
from pygls.protocol import LanguageServerProtocol, default_converter
from pygls.protocol.language_server import lsp_method

from scoutlang.descriptors import signatures
from scoutlang.interfaces import completion, manual
from scoutlang.interfaces.lsp.document import Document, resolved
from scoutlang.interfaces.lsp.positions import Positions
from scoutlang.interfaces.lsp.project import Project
from scoutlang.interfaces.lsp.tokens import Kind
from scoutlang.interfaces.manual import Page
from scoutlang.ir.signatures import DescriptorSignature
from scoutlang.ir.source import Source, Span
from scoutlang.language.diagnostics.render.lsp import publication
from scoutlang.language.diagnostics.render.shared import utf16_units
from scoutlang.language.formatter import formatted
from scoutlang.language.statements import CALLED, DEFINING
from scoutlang.support.errors import ScoutError
from scoutlang.support.files import followed
from scoutlang.support.version import __version__

DELAY, MAX_DELAY = 0.05, 1.0
"""Seconds without another change after which a text is checked: as long as checking took last,
within these.
"""

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])

_COMPLETION_KINDS: Mapping[str, lsp.CompletionItemKind] = {
    "statement": lsp.CompletionItemKind.Keyword,
    "keyword": lsp.CompletionItemKind.Keyword,
    "descriptor": lsp.CompletionItemKind.Function,
    "function": lsp.CompletionItemKind.Function,
    "parameter": lsp.CompletionItemKind.Field,
    "element": lsp.CompletionItemKind.Class,
    **dict.fromkeys(DEFINING, lsp.CompletionItemKind.Variable),
    **dict.fromkeys(CALLED, lsp.CompletionItemKind.Method),
    "argument": lsp.CompletionItemKind.Variable,
    "module": lsp.CompletionItemKind.Module,
    "setting": lsp.CompletionItemKind.Property,
    "value": lsp.CompletionItemKind.EnumMember,
    "unit": lsp.CompletionItemKind.Unit,
    "file": lsp.CompletionItemKind.File,
}
_TOKEN_TYPES: Mapping[Kind, str] = {
    "statement": "keyword",
    "descriptor": "function",
    "setting": "property",
    "value": "enumMember",
    "unit": "type",
    "element": "class",
    "argument": "parameter",
    "module": "namespace",
}
"""Kind of a word → what the protocol calls it, where that is another name."""

_LEGEND = lsp.SemanticTokensLegend(
    token_types=list(dict.fromkeys(_TOKEN_TYPES.get(kind, kind) for kind in get_args(Kind))),
    token_modifiers=[],
)

_FEATURES: dict[str, tuple[Callable[..., Any], object]] = {}
"""Method of the protocol → the function that serves it, and what the client is told about it."""


def _feature(method: str, options: object = None) -> Callable[[F], F]:
    """Serve a method by a function of the server and its parameters."""

    def enter(function: F) -> F:
        _FEATURES[method] = function, options
        return function

    return enter


class _Protocol(LanguageServerProtocol):
    """Answers what a client asks at a wrong time or in a wrong form; such a client would wait for
    ever otherwise.
    """

    @property
    def ended(self) -> bool:
        """Whether the client has said that it will not ask any more."""
        return bool(self._shutdown)

    @lsp_method(lsp.INITIALIZE)
    def lsp_initialize(
        self, params: lsp.InitializeParams
    ) -> Generator[Any, Any, lsp.InitializeResult]:
        """Whatever a client would rather count, it must know UTF-16 code units, and `Positions`
        counts these.
        """
        if params.capabilities.general is not None:
            params.capabilities.general.position_encodings = None
        return (yield from super().lsp_initialize(params))

    def structure_message(self, data: dict[str, Any]) -> Any:
        try:
            return super().structure_message(data)
        except JsonRpcException as error:
            if "id" not in data or "method" not in data:
                raise
            self._refuse(data["id"], error)
            return None

    def handle_message(self, message: Any) -> None:
        if not hasattr(message, "jsonrpc"):
            return  # it was answered, or is no message
        request = hasattr(message, "id") and hasattr(message, "method")
        if request and self.ended:
            self._refuse(message.id, JsonRpcInvalidRequest("the server was told to shut down"))
        elif self._workspace is None and getattr(message, "method", lsp.INITIALIZE) not in (
            lsp.INITIALIZE,
            lsp.EXIT,
        ):
            if request:
                self._refuse(message.id, JsonRpcServerNotInitialized())
        else:
            super().handle_message(message)

    def _refuse(self, request: str | int, error: JsonRpcException) -> None:
        self._send_response(request, error=error.to_response_error())

    def _send_data(self, data: Any) -> None:
        try:
            super()._send_data(data)
        except BrokenPipeError:
            # nobody reads; a thread that waits for input would keep an ordinary end waiting
            os._exit(1)


MAX_MESSAGE, _MAX_HEADER = 64 << 20, 8 << 10
"""Bytes of a message, and of a line of its header."""
_LENGTH = re.compile(rb"Content-Length: (\d{1,9})\r\n")


class _Input:
    """What the client sends, for pygls, with bounds: of a message that is longer the bytes are
    read and forgotten, and the server lives. A length that is no number of bytes is no header.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    def readline(self) -> bytes:
        line = self._stream.readline(_MAX_HEADER)
        if line.startswith(b"Content-Length:") and not _LENGTH.fullmatch(line):
            return b"X-Refused: a length\r\n"
        return line

    def read(self, length: int) -> bytes:
        if length <= MAX_MESSAGE:
            return self._stream.read(length)
        while length > 0 and (part := self._stream.read(min(length, 1 << 20))):
            length -= len(part)
        return b"null"

    def close(self) -> None:
        self._stream.close()


class Server(LanguageServer):
    """Knows the open texts, and the catalogue and manual, which are read once."""

    def __init__(self) -> None:
        super().__init__(
            "scout",
            __version__,
            protocol_cls=_Protocol,
            text_document_sync_kind=lsp.TextDocumentSyncKind.Full,
        )
        self._texts: dict[str, tuple[int, str]] = {}
        self.unsaved: dict[Path, str] = {}
        self._documents: dict[str, Document] = {}
        self.stale: set[str] = set()
        """Open texts whose messages are out of date, since a file that they name has changed."""
        self.delay = DELAY
        self.converter: Converter = default_converter()  # type: ignore[no-untyped-call]

    @cached_property
    def signatures(self) -> Mapping[str, DescriptorSignature]:
        return dict(signatures())

    @cached_property
    def pages(self) -> list[Page]:
        return manual.pages()

    @property
    def ended(self) -> bool:
        """Whether the client has said goodbye."""
        assert isinstance(self.protocol, _Protocol)
        return self.protocol.ended

    def report_server_error(self, error: Exception, source: Any) -> None:
        """What went wrong goes to the editor's log; to whom it matters has the answer to a
        request.
        """
        self.window_log_message(lsp.LogMessageParams(lsp.MessageType.Error, str(error)))

    # ---- texts ----

    @property
    def opened(self) -> list[str]:
        """URIs of the open texts."""
        return list(self._texts)

    def version_of(self, uri: str) -> int | None:
        """Of an open text."""
        return self._texts[uri][0] if uri in self._texts else None

    def text_of(self, uri: str) -> str:
        """An open text. Raises `JsonRpcInvalidParams` for one that is not."""
        if uri not in self._texts:
            raise JsonRpcInvalidParams(f"{uri} is not open")
        return self._texts[uri][1]

    def put(self, uri: str, version: int, text: str) -> None:
        """Take the newest text of a document."""
        self._texts[uri] = version, text
        self.unsaved.update(dict.fromkeys(_file(uri), text))
        self.forget(uri)

    def remove(self, uri: str) -> None:
        self._texts.pop(uri, None)
        for path in _file(uri):
            self.unsaved.pop(path, None)
        self.forget(uri)

    def forget(self, uri: str) -> None:
        """Drop what was found out about a text, and about those that depend on its file."""
        self._documents.pop(uri, None)
        for other in self.depending(_file(uri)):
            del self._documents[other]
            self.stale.add(other)

    def depending(self, changed: Iterable[Path]) -> list[str]:
        """The open texts of which something is known that depends on one of these files."""
        files = frozenset(changed)
        return [uri for uri, one in self._documents.items() if one.depends_on(files)]

    # ---- programs ----

    def document(self, uri: str) -> Document:
        """The program as it stands in the editor now. Raises `JsonRpcInvalidParams` for one that is
        not open.
        """
        if uri not in self._documents:
            path, text = _path(uri), self.text_of(uri)
            source = Source(str(path) if path else uri, text, path.parent if path else None)
            self._documents[uri] = Document(
                source, self.signatures, lambda: self.pages, self.unsaved
            )
        return self._documents[uri]

    def project(self) -> Project:
        worked_in = [f.uri for f in self.workspace.folders.values()] + [
            self.workspace.root_uri or ""
        ]
        folders = [path for uri in worked_in for path in _file(uri)]
        return Project(self.signatures, lambda: self.pages, dict(self.unsaved), folders)

    def uri_of(self, document: Document) -> str:
        """As the editor writes it, if it has the file open."""
        if document.path is None:
            return document.source.name
        return next((u for u in self._texts if document.path in _file(u)), document.path.as_uri())


def _path(uri: str) -> Path | None:
    """The file of a URI; None for what is in no file."""
    try:
        path = uris.to_fs_path(uri) if uri.startswith("file:") else None
    except ValueError:
        return None
    return Path(path) if path else None


def _file(uri: str) -> list[Path]:
    """The file of a URI with links followed, if it is in one."""
    path = _path(uri)
    found = resolved(path) if path is not None else None
    return [] if found is None else [found]


def create() -> Server:
    """A server with all that it can do; `serve` runs it."""
    # standard error is shown by editors; errors are in the answers
    logging.getLogger("pygls").setLevel(logging.CRITICAL)
    server = Server()
    for method, (function, options) in _FEATURES.items():
        server.feature(method, options)(function)
    return server


def serve(server: Server) -> None:
    """Over standard input and output, until the client says goodbye or leaves."""
    server.start_io(stdin=cast("BinaryIO", _Input(sys.stdin.buffer)))


# ---- texts and messages ----


@_feature(lsp.TEXT_DOCUMENT_DID_OPEN)
def _opened(server: Server, params: lsp.DidOpenTextDocumentParams) -> None:
    document = params.text_document
    server.put(document.uri, document.version, document.text)
    _publish_all(server, document.uri)


@_feature(lsp.TEXT_DOCUMENT_DID_CHANGE)
async def _changed(server: Server, params: lsp.DidChangeTextDocumentParams) -> None:
    uri, version = params.text_document.uri, params.text_document.version
    text = server.text_of(uri)
    for change in params.content_changes:
        text = _after(text, change)
    server.put(uri, version, text)
    await asyncio.sleep(server.delay)
    if server.version_of(uri) == version:
        began = time.monotonic()
        _publish_all(server, uri)
        # A text that takes long to check is left alone until the fingers rest.
        server.delay = min(max(DELAY, time.monotonic() - began), MAX_DELAY)


def _after(text: str, change: lsp.TextDocumentContentChangeEvent) -> str:
    """Texts are asked for whole; a client that sends a part means the place that it names."""
    if isinstance(change, lsp.TextDocumentContentChangeWholeDocument):
        return change.text
    positions = Positions(text)
    start, end = (
        positions.offset(p.line, p.character) for p in (change.range.start, change.range.end)
    )
    return text[:start] + change.text + text[max(start, end) :]


@_feature(lsp.TEXT_DOCUMENT_DID_SAVE)
@_feature(lsp.WORKSPACE_DID_CHANGE_WATCHED_FILES)
def _renew(
    server: Server, params: lsp.DidSaveTextDocumentParams | lsp.DidChangeWatchedFilesParams
) -> None:
    """Files on disk have changed: what was found out about programs that name one of them is out
    of date.
    """
    uris = (
        [params.text_document.uri]
        if isinstance(params, lsp.DidSaveTextDocumentParams)
        else [change.uri for change in params.changes]
    )
    old = server.depending(path for uri in uris for path in _file(uri))
    for uri in old:
        server.forget(uri)
    for uri in old:
        _publish(server, uri)


@_feature(lsp.TEXT_DOCUMENT_DID_CLOSE)
def _closed(server: Server, params: lsp.DidCloseTextDocumentParams) -> None:
    uri = params.text_document.uri
    server.remove(uri)
    server.text_document_publish_diagnostics(lsp.PublishDiagnosticsParams(uri, []))
    _publish_importers(server, uri)


def _publish_all(server: Server, uri: str) -> None:
    """The messages about a text, and about those that depend on its file."""
    _publish(server, uri)
    _publish_importers(server, uri)


def _publish_importers(server: Server, uri: str) -> None:
    for other in [one for one in server.opened if one in server.stale and one != uri]:
        _publish(server, other)


def _publish(server: Server, uri: str) -> None:
    server.stale.discard(uri)
    found = _diagnostics(server, uri)
    server.text_document_publish_diagnostics(
        lsp.PublishDiagnosticsParams(uri, found, server.version_of(uri))
    )


def _diagnostics(server: Server, uri: str) -> list[lsp.Diagnostic]:
    document = server.document(uri)
    data = publication(document.diagnostics, document.source)["diagnostics"]
    for diagnostic in data:
        for related in diagnostic.get("relatedInformation", ()):
            related["location"]["uri"] = uri  # as the editor writes it
    return server.converter.structure(data, list[lsp.Diagnostic])


@_feature(lsp.TEXT_DOCUMENT_CODE_ACTION, lsp.CodeActionOptions([lsp.CodeActionKind.QuickFix]))
def _quick_fixes(server: Server, params: lsp.CodeActionParams) -> list[lsp.CodeAction]:
    """The fixes of the messages that the range touches."""
    uri, document = params.text_document.uri, server.document(params.text_document.uri)
    wanted = Span(_offset(document, params.range.start), _offset(document, params.range.end))
    actions = []
    for diagnostic, shown in zip(document.diagnostics, _diagnostics(server, uri), strict=True):
        place = diagnostic.primary.span if diagnostic.primary else Span(0, 0)
        if diagnostic.fix is None or place.start > wanted.end or wanted.start > place.end:
            continue
        replaced, new = document.source.slice(diagnostic.fix.span), diagnostic.fix.replacement
        change = f"Replace `{replaced}` by" if replaced else "Insert"
        title = f"{change} `{new}`" if new else f"Remove `{replaced}`"
        edit = lsp.TextEdit(_range(document, diagnostic.fix.span), new)
        action = lsp.CodeAction(title, lsp.CodeActionKind.QuickFix, [shown])
        action.is_preferred = len(document.diagnostics) == 1
        action.edit = lsp.WorkspaceEdit({uri: [edit]})
        actions.append(action)
    return actions


# ---- what is asked about a place ----


@_feature(lsp.TEXT_DOCUMENT_HOVER)
def _hover(server: Server, params: lsp.HoverParams) -> lsp.Hover | None:
    document, offset = _place(server, params)
    found = document.hover(offset)
    if found is None:
        return None
    span, text = found
    return lsp.Hover(lsp.MarkupContent(lsp.MarkupKind.Markdown, text), _range(document, span))


@_feature(lsp.TEXT_DOCUMENT_COMPLETION, lsp.CompletionOptions(trigger_characters=list('(-=.,"{')))
def _complete(server: Server, params: lsp.CompletionParams) -> lsp.CompletionList:
    document, offset = _place(server, params)
    found = completion.complete(
        document.source.text, offset, folder=document.source.folder, unsaved=server.unsaved
    )
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


@_feature(
    lsp.TEXT_DOCUMENT_SIGNATURE_HELP, lsp.SignatureHelpOptions(trigger_characters=list("(,="))
)
def _call(server: Server, params: lsp.SignatureHelpParams) -> lsp.SignatureHelp | None:
    """The parameters of what is being called; places of names and units are in UTF-16 code units of
    the label.
    """
    document, offset = _place(server, params)
    call = document.call_at(offset)
    if call is None:
        return None
    label, parameters = f"{call.name}(", []
    for i, (place, about) in enumerate(call.places):
        start = utf16_units(label := f"{label}, " if i else label)
        label += place
        parameters.append(lsp.ParameterInformation((start, utf16_units(label)), about or None))
    signature = lsp.SignatureInformation(f"{label})", call.about or None, parameters)
    return lsp.SignatureHelp([signature], active_signature=0, active_parameter=call.active)


@_feature(lsp.TEXT_DOCUMENT_DEFINITION)
def _definition(server: Server, params: lsp.DefinitionParams) -> lsp.Location | None:
    document, offset = _place(server, params)
    found = document.definition(offset)
    if found is None:
        return None
    path, source, span = found
    if path is None:
        return lsp.Location(params.text_document.uri, _range(document, span))
    return lsp.Location(followed(path).as_uri(), _range_in(Positions(source.text), span))


@_feature(lsp.TEXT_DOCUMENT_REFERENCES)
def _references(server: Server, params: lsp.ReferenceParams) -> list[lsp.Location]:
    document, offset = _place(server, params)
    given = document.name_at(offset)
    if given is None:
        return []
    return [
        lsp.Location(server.uri_of(used), _range(used, span))
        for used, spans in server.project().uses(document, given)
        for span in spans
        if params.context.include_declaration or (used.path, span) != (given.path, given.defined)
    ]


@_feature(lsp.TEXT_DOCUMENT_DOCUMENT_HIGHLIGHT)
def _highlights(server: Server, params: lsp.DocumentHighlightParams) -> list[lsp.DocumentHighlight]:
    document, offset = _place(server, params)
    given = document.name_at(offset)
    return (
        [lsp.DocumentHighlight(_range(document, span)) for span in document.uses(given)]
        if given
        else []
    )


@_feature(lsp.TEXT_DOCUMENT_PREPARE_RENAME)
def _prepare_rename(
    server: Server, params: lsp.PrepareRenameParams
) -> lsp.PrepareRenamePlaceholder | None:
    document, offset = _place(server, params)
    if document.name_at(offset) is None:
        return None
    given = _allowed(lambda: server.project().changeable(document, offset))
    return lsp.PrepareRenamePlaceholder(
        _range(document, given.here), document.source.slice(given.here)
    )


@_feature(lsp.TEXT_DOCUMENT_RENAME, lsp.RenameOptions(prepare_provider=True))
def _rename(server: Server, params: lsp.RenameParams) -> lsp.WorkspaceEdit:
    document, offset = _place(server, params)
    found = _allowed(lambda: server.project().renamed(document, offset, params.new_name))
    return lsp.WorkspaceEdit(
        {
            server.uri_of(d): [lsp.TextEdit(_range(d, s), params.new_name) for s in spans]
            for d, spans in found
        }
    )


def _allowed(asked: Callable[[], T]) -> T:
    """What was asked for, or the reason against it as the answer."""
    try:
        return asked()
    except ScoutError as error:
        raise JsonRpcInvalidParams(f"{error.message}: {error.hint}") from None


# ---- the whole of a program ----


@_feature(lsp.TEXT_DOCUMENT_FORMATTING)
def _format(server: Server, params: lsp.DocumentFormattingParams) -> list[lsp.TextEdit] | None:
    document = server.document(params.text_document.uri)
    text = formatted(document.source).text
    if text is None or text == document.source.text:
        return None
    return [lsp.TextEdit(_range(document, Span(0, len(document.source.text))), text)]


@_feature(lsp.TEXT_DOCUMENT_DOCUMENT_SYMBOL)
def _symbols(server: Server, params: lsp.DocumentSymbolParams) -> list[lsp.DocumentSymbol]:
    document = server.document(params.text_document.uri)
    return [
        lsp.DocumentSymbol(
            s.name,
            lsp.SymbolKind[s.outline],
            _range(document, s.span),
            _range(document, s.name_span),
            s.rule,
        )
        for s in document.symbols()
    ]


@_feature(lsp.TEXT_DOCUMENT_SEMANTIC_TOKENS_FULL, _LEGEND)
def _tokens(server: Server, params: lsp.SemanticTokensParams) -> lsp.SemanticTokens:
    """Five numbers a word: line and character after the one before it, length, type, no
    modifiers.
    """
    document = server.document(params.text_document.uri)
    data: list[int] = []
    line, character = 0, 0
    for word in document.words:
        row, column = document.positions.position(word.lexeme.start)
        length = document.positions.position(word.lexeme.end)[1] - column
        data += [row - line, column - character if row == line else column, length]
        data += [_LEGEND.token_types.index(_TOKEN_TYPES.get(word.kind, word.kind)), 0]
        line, character = row, column
    return lsp.SemanticTokens(data)


@_feature(lsp.TEXT_DOCUMENT_INLAY_HINT)
def _hints(server: Server, params: lsp.InlayHintParams) -> list[lsp.InlayHint]:
    """The tolerances that are meant where none is written."""
    document = server.document(params.text_document.uri)
    wanted = Span(_offset(document, params.range.start), _offset(document, params.range.end))
    return [
        lsp.InlayHint(
            lsp.Position(*document.positions.position(offset)),
            text,
            padding_left=True,
            tooltip="the tolerance that counts where none is written",
        )
        for offset, text in document.tolerances()
        if wanted.start <= offset <= wanted.end
    ]


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
