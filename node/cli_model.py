"""`osteoscreen model`: what researchers do with bundles."""

from typing import Annotated

import typer

from node.domain.errors import Permanent

model = typer.Typer(help="Models in bundles: what they are, and whether they are intact.")

BundleArgument = Annotated[str, typer.Argument(help="A bundle's folder, or a shipped one's name.")]


@model.command("verify")
def verify(bundle: BundleArgument = "demo") -> None:
    """Check a bundle's digest, keys and shapes, and score its golden films again."""
    from models.registry import BundleError, verify_golden
    from node.inference.predictor import open_bundle

    opened = open_bundle(bundle, "cpu")
    try:
        drift = verify_golden(opened)
    except BundleError as error:
        raise Permanent(str(error)) from None
    card = opened.card
    typer.echo(f"{card.name} {card.version}: verified; golden scores within {drift:.1e} (logit)")


@model.command("card")
def card(bundle: BundleArgument = "demo") -> None:
    """Print a bundle's card: what it is, what it was made from, what may be said of it."""
    from models.card import dump
    from node.inference.predictor import open_bundle

    typer.echo(dump(open_bundle(bundle, "cpu").card), nl=False)
