"""The language server: speaks the Language Server Protocol over standard input and output, by pygls.

It only translates: what is known of a text comes from the other modules of this package.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from lsprotocol import types as lsp
from pygls.lsp.server import LanguageServer
from pygls.uris import from_fs_path, to_fs_path
from pygls.workspace import TextDocument

from dovetail import __version__
from dovetail.dsl import diagnostics as d
from dovetail.dsl.diagnostics import DovetailError
from dovetail.dsl.formatter import format_text
from dovetail.dsl.source import Source, Span
from dovetail.editor.analysis import Analysis, analyse, diagnose
from dovetail.editor.completion import complete
from dovetail.editor.hover import hover
from dovetail.editor.names import definitions, find, string_at

KINDS: Final = {
    "keyword": lsp.CompletionItemKind.Keyword,
    "function": lsp.CompletionItemKind.Function,
    "block": lsp.CompletionItemKind.Function,
    "property": lsp.CompletionItemKind.Property,
    "parameter": lsp.CompletionItemKind.Property,
    "value": lsp.CompletionItemKind.EnumMember,
    "memory": lsp.CompletionItemKind.Struct,
    "array": lsp.CompletionItemKind.Struct,
}
OUTLINE: Final = {
    "block": lsp.SymbolKind.Function,
    "function": lsp.SymbolKind.Function,
    "param": lsp.SymbolKind.Constant,
    "let": lsp.SymbolKind.Constant,
    "table": lsp.SymbolKind.Array,
    "memory": lsp.SymbolKind.Struct,
    "array": lsp.SymbolKind.Array,
    "unit": lsp.SymbolKind.Struct,
    "dataflow": lsp.SymbolKind.Interface,
    "input": lsp.SymbolKind.Variable,
    "tensor": lsp.SymbolKind.Variable,
}
NAME: Final = "dovetail"


class DovetailServer(LanguageServer):
    """A server that keeps what it found out about the latest version of each text."""

    def __init__(self) -> None:
        super().__init__(NAME, __version__)
        self._known: dict[str, tuple[str, Analysis]] = {}
        self.ended = False
        """Whether the editor asked for the end."""

    def document(self, uri: str) -> TextDocument:
        """The text as the editor has it, or as it is on the disk where no editor has it open."""
        return self.workspace.get_text_document(uri)

    def analysis(self, uri: str) -> Analysis:
        """What is known of a text; worked out anew only where it has changed."""
        text = self.document(uri).source
        known = self._known.get(uri)
        if known is None or known[0] != text:
            known = text, analyse(text, path_of(uri))
            self._known[uri] = known
        return known[1]

    def forget(self, uri: str) -> None:
        """A closed text is no longer kept; what was said about it is taken back."""
        self._known.pop(uri, None)
        self.text_document_publish_diagnostics(lsp.PublishDiagnosticsParams(uri, []))

    def publish(self, uri: str) -> None:
        """Say everything that is wrong with a text."""
        document = self.document(uri)
        found = diagnose(document.source, path_of(uri))
        source = Source(document.source, path_of_name(uri), path_of(uri))
        items = [self.diagnostic(document, source, item) for item in found]
        self.text_document_publish_diagnostics(
            lsp.PublishDiagnosticsParams(uri, items, version=document.version)
        )

    def diagnostic(self, document: TextDocument, source: Source, item: d.Diagnostic) -> lsp.Diagnostic:
        """One problem; one in an imported file stands at the first place that is in this one."""
        labels = [label for label in (item.primary, *item.others) if label is not None]
        here = [label for label in labels if label.span.source.name == source.name]
        place = here[0] if here else None
        elsewhere = f" ({labels[0].span.place})" if labels and place is not labels[0] else ""
        text = "\n".join([item.message + elsewhere, *(f"help: {line}" for line in item.help)])
        related = [
            lsp.DiagnosticRelatedInformation(self.location(document, label.span), label.text or item.message)
            for label in labels
            if label is not place
        ]
        severe = item.severity is d.Severity.ERROR
        return lsp.Diagnostic(
            range=self.range(document, place.span) if place else _line_one(),
            message=text,
            severity=lsp.DiagnosticSeverity.Error if severe else lsp.DiagnosticSeverity.Warning,
            code=item.code,
            source=NAME,
            related_information=related or None,
        )

    def location(self, document: TextDocument, span: Span) -> lsp.Location:
        """A place in this file or another one."""
        path = span.source.path
        uri = document.uri if path is None or path == path_of(document.uri) else from_fs_path(str(path))
        return lsp.Location(uri or document.uri, self.range(document, span))

    def range(self, document: TextDocument, span: Span) -> lsp.Range:
        """Half-open, in the units that the editor counts in."""
        return lsp.Range(*(self.position(document, span.source, at) for at in (span.start, span.end)))

    def position(self, document: TextDocument, source: Source, offset: int) -> lsp.Position:
        """Line and column from 0."""
        line, column = source.position(offset)
        before = source.text[offset - column + 1 : offset]
        return lsp.Position(line - 1, document.position_codec.client_num_units(before))

    def offset(self, uri: str, position: lsp.Position) -> int:
        """The place in the text; beyond a line's end is at its end."""
        document = self.document(uri)
        return min(document.offset_at_position(position), len(document.source))


def path_of(uri: str) -> Path | None:
    """The file of an URI; None for a text that is not saved yet."""
    path = to_fs_path(uri) if uri.startswith("file:") else None
    return Path(path) if path else None


def path_of_name(uri: str) -> str:
    """What the text's diagnostics call it."""
    path = path_of(uri)
    return "<text>" if path is None else str(path)


def _line_one() -> lsp.Range:
    return lsp.Range(lsp.Position(0, 0), lsp.Position(0, 1))


def make_server() -> DovetailServer:
    """The server with all that it can do."""
    server = DovetailServer()

    @server.feature(lsp.SHUTDOWN)
    def ended(params: None) -> None:
        server.ended = True

    @server.feature(lsp.TEXT_DOCUMENT_DID_OPEN)
    def opened(params: lsp.DidOpenTextDocumentParams) -> None:
        server.publish(params.text_document.uri)

    @server.feature(lsp.TEXT_DOCUMENT_DID_CHANGE)
    def changed(params: lsp.DidChangeTextDocumentParams) -> None:
        server.publish(params.text_document.uri)

    @server.feature(lsp.TEXT_DOCUMENT_DID_SAVE)
    def saved(params: lsp.DidSaveTextDocumentParams) -> None:
        for uri in list(server.workspace.text_documents):  # others may import it
            server.publish(uri)

    @server.feature(lsp.TEXT_DOCUMENT_DID_CLOSE)
    def closed(params: lsp.DidCloseTextDocumentParams) -> None:
        server.forget(params.text_document.uri)

    @server.feature(lsp.TEXT_DOCUMENT_HOVER)
    def hovered(params: lsp.HoverParams) -> lsp.Hover | None:
        uri = params.text_document.uri
        found = hover(server.analysis(uri), server.offset(uri, params.position))
        if found is None:
            return None
        text, span = found
        content = lsp.MarkupContent(lsp.MarkupKind.Markdown, text)
        return lsp.Hover(content, server.range(server.document(uri), span) if span else None)

    @server.feature(lsp.TEXT_DOCUMENT_DEFINITION)
    def defined(params: lsp.DefinitionParams) -> lsp.Location | None:
        uri = params.text_document.uri
        analysis, offset = server.analysis(uri), server.offset(uri, params.position)
        definition = find(analysis.file, offset)
        if definition is not None:
            return server.location(server.document(uri), definition.place)
        named, path = string_at(analysis.source, offset), path_of(uri)
        if named is None or path is None or not (path.parent / named).is_file():
            return None
        target = from_fs_path(str((path.parent / named).resolve()))
        return lsp.Location(target, lsp.Range(lsp.Position(0, 0), lsp.Position(0, 0))) if target else None

    @server.feature(lsp.TEXT_DOCUMENT_COMPLETION, lsp.CompletionOptions(trigger_characters=[".", ">", "("]))
    def completed(params: lsp.CompletionParams) -> lsp.CompletionList:
        uri = params.text_document.uri
        items = [
            lsp.CompletionItem(
                suggestion.label,
                kind=KINDS.get(suggestion.kind, lsp.CompletionItemKind.Variable),
                detail=suggestion.detail or None,
                sort_text=f"{number:04}",
            )
            for number, suggestion in enumerate(
                complete(server.analysis(uri), server.offset(uri, params.position))
            )
        ]
        return lsp.CompletionList(is_incomplete=False, items=items)

    @server.feature(lsp.TEXT_DOCUMENT_FORMATTING)
    def formatted(params: lsp.DocumentFormattingParams) -> list[lsp.TextEdit] | None:
        document = server.document(params.text_document.uri)
        try:
            text = format_text(document.source, path_of_name(document.uri))
        except DovetailError:
            return None  # a text that cannot be read stays as it is
        if text == document.source:
            return []
        source = Source(document.source, "<text>")
        return [lsp.TextEdit(server.range(document, Span(source, 0, len(source.text))), text)]

    @server.feature(lsp.TEXT_DOCUMENT_DOCUMENT_SYMBOL)
    def outlined(params: lsp.DocumentSymbolParams) -> list[lsp.DocumentSymbol]:
        document = server.document(params.text_document.uri)
        return [
            lsp.DocumentSymbol(
                definition.name,
                OUTLINE[definition.kind],
                server.range(document, definition.span),
                server.range(document, definition.place),
            )
            for definition in definitions(server.analysis(document.uri).file)
            if definition.kind in OUTLINE and definition.scope is None
        ]

    return server
