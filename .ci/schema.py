"""The configuration's schema by a validator that is not ours: what is right it takes, and what is wrong it refuses
where it is wrong. A wrong file's first line says where: `# refused: sources.prometheus`."""

import json
import pathlib
import sys
import tomllib

import jsonschema

root = pathlib.Path(__file__).resolve().parent.parent
schema = json.loads((root / "docs/config.schema.json").read_text())
validator = jsonschema.validators.validator_for(schema)
validator.check_schema(schema)
validator = validator(schema)
complaints = []


def places(file):
    """Where the validator complains of a file."""
    errors = validator.iter_errors(tomllib.loads(file.read_text()))
    return {".".join(map(str, error.absolute_path)): error.message[:200] for error in errors}


right = [root / "config.example.toml", *sorted((root / "tests/all/config/valid").glob("*.toml"))]
for file in right:
    complaints += [f"{file.name} is right, and refused at {place}: {why}" for place, why in places(file).items()]

wrong = sorted((root / "tests/all/config/schema").glob("*.toml"))
for file in wrong:
    place = file.read_text().splitlines()[0].removeprefix("# refused: ")
    if set(found := places(file)) != {place}:
        complaints.append(f"{file.name} is wrong at {place}, and refused at {sorted(found) or 'nothing'}")

print("\n".join(complaints) or f"{len(right)} right files taken, {len(wrong)} wrong ones refused")
sys.exit(bool(complaints) or not right or not wrong)
