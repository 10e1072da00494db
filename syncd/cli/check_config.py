"""`syncd check-config`: the configuration read back."""

import stat
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from syncd.cli.exits import epilog
from syncd.cli.options import Context, json_option, pass_context
from syncd.cli.output import emit_json, printable
from syncd.errors import Exit
from syncd.operations.words import counted

if TYPE_CHECKING:  # importing it for real would load pydantic for `--help`
    from syncd.config import Config


@click.command("check-config", epilog=epilog("syncd --config ~/syncd/config.toml check-config", Exit.CONFIG))
@json_option
@pass_context
def command(context: Context, as_json: bool) -> None:
    """Read the configuration, say what was understood, and warn of what is unwise. Touches nothing."""
    config, warnings = context.config, list(warn(context.config))
    if as_json:
        emit_json({"file": str(context.path), "config": config.model_dump(mode="json", by_alias=True), "warnings": warnings})
        return
    for name, value in (("file", context.path), *_summary(config)):
        click.echo(f"{name:<10}{printable(str(value))}")
    for warning in warnings:
        click.echo(f"{click.style('warning', fg='yellow')}   {printable(warning)}")


def warn(config: "Config") -> Iterator[str]:
    """What is valid and still worth a second thought."""
    from syncd.wiring.sources import local_realms

    if fault := _fault(config.state.dir):
        yield f"state.dir = {config.state.dir} {fault}; `syncd init DIR --state STATE` makes one"
    if not config.audit.public_key:
        yield "audit.public_key is not pinned: `syncd audit verify` can't tell this history from a forged one"
    if config.embedder.backend == "hash":
        yield 'embedder.backend = "hash" finds nothing by meaning; it is for tests and benchmarks'
    if config.index.backend == "null":
        yield 'index.backend = "null" keeps nothing; it is for benchmarks'
    if config.index.text == "plain":
        yield 'index.text = "plain": whoever reads the index, its backups or its log reads the text'
    local = local_realms(config.sources)
    for source in config.sources:
        root = getattr(source, "root", None)
        if isinstance(root, Path) and (fault := _fault(root)):
            yield f"source {source.name}: root = {root} {fault}"
        if source.allow_everyone:
            yield f"source {source.name}: allow_everyone = true, so every account here may find what everyone may read"
        if source.realm not in local:
            yield f'source {source.name}: realm = "{source.realm}" has none of the accounts here: no command finds its documents'
        if getattr(source, "channel", "") is None and source.poll_every > config.freshness.target:
            often = "poll_every is longer than freshness.target"
            yield f"source {source.name}: nothing tells of its changes, and {often}: the verdict is unknown in between"


def _fault(folder: Path) -> str | None:
    """What keeps `folder` from being used as one."""
    try:
        mode = folder.stat().st_mode
    except FileNotFoundError:
        return "is not there"
    except OSError as error:
        return f"can't be reached: {error.strerror}"
    return None if stat.S_ISDIR(mode) else "is no folder"


def _summary(config: "Config") -> Iterator[tuple[str, object]]:
    """The configuration in a few lines: name and value."""
    yield "state", config.state.dir
    yield "sealing", f"{config.crypto.algorithm}, text {config.index.text}"
    yield "embedder", f"{config.embedder.backend}, {config.embedder.model}, device {config.embedder.device}"
    yield "index", f"{config.index.backend}{f', {config.index.url}' if config.index.url else ''}"
    for source in config.sources:
        rules = f", {counted(len(source.acl), 'ACL rule')}" if source.acl else ""
        where = getattr(source, "root", None) or getattr(source, "url", None) or source.type
        yield "source", f"{source.name}: {where} (realm {source.realm}, up to {source.max_size:,} bytes a document{rules})"
