//! What JSON's schema says of the words of the core, which knows of no schema.

use super::Moment;
use crate::rollback::Goal;
use crate::signal::{Kind, Unit};
use crate::timeline::Mark;
use crate::verdict::{Level, Verdict};
use schemars::{Schema, SchemaGenerator, json_schema};

pub(super) fn time(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "format": "date-time" })
}

pub(super) fn time_or_null(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": ["string", "null"], "format": "date-time" })
}

pub(super) fn levels(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "enum": Level::ALL })
}

pub(super) fn verdicts(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "enum": Verdict::ALL })
}

pub(super) fn units(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "enum": Unit::ALL })
}

pub(super) fn kinds(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "enum": Kind::ALL })
}

pub(super) fn goals(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "enum": [Goal::RollBack, Goal::Undo] })
}

pub(super) fn kinds_of_moments(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "enum": Mark::ALL.map(Moment::kind_name) })
}
