"""The published schemas as checks, by the tool that tests/schema has for it."""

import json
import pathlib
import sys

_ROOT = pathlib.Path(__file__).resolve().parent.parent.parent


def _complaints(schema, texts):
    """What the schema says against each of the texts, whose label is their key."""
    sys.path.insert(0, str(_ROOT / "tests" / "schema"))
    import validate  # only here, so that the cases can be listed where there is no jsonschema

    check = validate.validator(_ROOT / "docs" / "schema" / f"{schema}.schema.json")
    return [complaint for label, text in texts.items() for complaint in validate.complaints(check, label, text)]


def check_summary(text):
    """Fails unless `text` is one summary document; returns it."""
    found = _complaints("summary", {"summary": text})
    assert not found, "\n".join(found)
    return json.loads(text)


def check_validation(text):
    """Fails unless `text` is one document of `validate --json`; returns it."""
    found = _complaints("validation", {"validation": text})
    assert not found, "\n".join(found)
    return json.loads(text)


def check_document(schema, text):
    """Fails unless `text` is one document of that schema; returns it."""
    found = _complaints(schema, {schema: text})
    assert not found, "\n".join(found)
    return json.loads(text)


def check_lines(schema, text):
    """Fails unless every line of `text` is a document of that schema; returns them."""
    found = _complaints(schema, {f"line {n}": line for n, line in enumerate(text.splitlines(), 1)})
    assert not found, "\n".join(found)
    return [json.loads(line) for line in text.splitlines()]


def check_progress(text):
    """Fails unless every line of `text` is a progress document; returns them."""
    found = _complaints("progress", {f"line {n}": line for n, line in enumerate(text.splitlines(), 1)})
    assert not found, "\n".join(found)
    return [json.loads(line) for line in text.splitlines()]
