//! The configuration for people: its reference page, and a document as it stands.

use std::fmt::Write;

use serde::Serialize;

use super::document::{Documented, Kind, SectionDoc};

/// The reference page in Markdown: each section with its keys, types, defaults and words.
pub fn documentation<C: Documented>() -> String {
    let document = C::document();
    let mut page = format!("# Configuration\n\n{}\n", document.doc);
    section(&mut page, &document, "");
    page
}

/// A document as YAML, secrets redacted.
///
/// Errors: a field's own `Serialize` fails.
pub fn redacted<C: Serialize>(config: &C) -> Result<String, serde_yaml_ng::Error> {
    serde_yaml_ng::to_string(config)
}

fn section(page: &mut String, doc: &SectionDoc, path: &str) {
    let values: Vec<_> = doc
        .fields
        .iter()
        .filter(|field| matches!(field.kind, Kind::Value { .. }))
        .collect();
    if !values.is_empty() {
        page.push_str("\n| key | type | default | what it does |\n|---|---|---|---|\n");
    }
    for field in values {
        if let Kind::Value {
            type_name, default, ..
        } = &field.kind
        {
            let key = format!("{path}{}", field.name);
            let words = field.doc.replace('\n', " ").replace('|', "\\|");
            let default = if default.is_empty() {
                "none".to_owned()
            } else {
                format!("`{default}`")
            };
            // Writing to a string cannot fail.
            let _ = writeln!(page, "| `{key}` | {type_name} | {default} | {words} |");
        }
    }
    for field in &doc.fields {
        if let Kind::Section(below) = &field.kind {
            let key = format!("{path}{}", field.name);
            let words = if field.doc.is_empty() {
                &below.doc
            } else {
                &field.doc
            };
            let _ = write!(page, "\n## `{key}`\n\n{words}\n");
            section(page, below, &format!("{key}."));
        }
    }
}
