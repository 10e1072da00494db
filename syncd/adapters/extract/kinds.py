"""What a key's extension says about its document. Content decides too (`decoding`): an extension never makes bytes a text."""

from enum import Enum, auto

from syncd.core.model import Form


class Kind(Enum):
    """How a document is turned into text."""

    MARKDOWN = auto()
    RST = auto()
    LINES = auto()
    """Source code, data and logs: made of lines, not of sentences."""
    PLAIN = auto()
    HTML = auto()
    BINARY = auto()
    """Refused without a look at its bytes."""

    @property
    def form(self) -> Form:
        """The form of the text that comes out; HTML comes out as Markdown."""
        return _FORMS.get(self, Form.PLAIN)


_FORMS = {Kind.MARKDOWN: Form.MARKDOWN, Kind.HTML: Form.MARKDOWN, Kind.RST: Form.RST, Kind.LINES: Form.CODE}

_EXTENSIONS: dict[Kind, str] = {
    Kind.MARKDOWN: "md markdown mdown mkd mkdn mdx qmd rmd",
    Kind.RST: "rst rest",
    Kind.HTML: "html htm xhtml xht",
    Kind.PLAIN: "txt text adoc asciidoc org tex textile wiki",
    Kind.LINES: """
        py pyi pyx c h cc cpp cxx hh hpp hxx m mm cs java kt kts scala groovy gradle go rs swift js jsx mjs cjs ts tsx vue svelte
        css scss sass less rb php pl pm lua r jl hs ml mli fs fsx clj cljs ex exs erl hrl elm dart zig nim v sv vhd vhdl asm s
        sh bash zsh fish ps1 psm1 bat cmd awk sed sql proto graphql tf hcl nix cmake mk mak
        json jsonl ndjson json5 yaml yml toml ini cfg conf properties env xml xsd xsl xslt svg csv tsv log diff patch po pot bib
    """,
    Kind.BINARY: """
        pdf doc docx dot dotx docm xls xlsx xlsm xlsb ppt pptx pptm odt ods odp odg rtf pages numbers key epub mobi azw3 djvu ps
        png jpg jpeg gif bmp ico tif tiff webp avif heic heif psd xcf ai raw cr2 nef
        mp3 mp4 m4a m4v aac flac ogg oga ogv opus wav wma wmv avi mkv mov webm mid
        zip gz tgz bz2 tbz xz txz zst lz4 lzma 7z rar tar jar war ear whl egg apk deb rpm iso img dmg cab msi
        exe dll so dylib o a lib obj class pyc pyo pyd wasm bin dat db sqlite sqlite3 mdb parquet arrow feather orc avro
        npy npz pkl pickle pt pth onnx safetensors h5 hdf5 woff woff2 ttf otf eot swf
    """,
}
_KINDS = {extension: kind for kind, extensions in _EXTENSIONS.items() for extension in extensions.split()}
_NAMES = frozenset({"makefile", "gnumakefile", "dockerfile", "containerfile", "jenkinsfile", "vagrantfile", "cmakelists.txt"})
"""Files of lines whose name says it all."""


def kind_of(key: str) -> Kind:
    """The kind of what is called `key`; PLAIN when the name says nothing."""
    name = key.rpartition("/")[2].lower()
    stem, dot, extension = name.rpartition(".")
    if name in _NAMES:
        return Kind.LINES
    return _KINDS.get(extension, Kind.PLAIN) if dot and stem else Kind.PLAIN
