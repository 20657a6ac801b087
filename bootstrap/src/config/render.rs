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

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;
    use std::time::Duration;

    #[derive(Debug, Clone, Serialize, Deserialize)]
    #[serde(rename_all = "kebab-case")]
    enum Codec {
        None,
        Zstd,
    }

    crate::config! {
        /// The whole.
        struct Document {
            /// How long: 1 | 2.
            pub wait: Duration = Duration::from_millis(1500),
            /// Inside.
            pub inner: Inner,
        }

        /// A part.
        struct Inner {
            /// How.
            pub codec: Codec = Codec::Zstd,
            /// Where.
            pub path: Option<String> = None,
        }
    }

    #[test]
    fn the_page_has_every_key_with_type_default_and_words() {
        let expected = "# Configuration\n\nThe whole.\n\n\
            | key | type | default | what it does |\n|---|---|---|---|\n\
            | `wait` | duration | `\"1s 500ms\"` | How long: 1 \\| 2. |\n\n\
            ## `inner`\n\nInside.\n\n\
            | key | type | default | what it does |\n|---|---|---|---|\n\
            | `inner.codec` | one of `none`, `zstd` | `\"zstd\"` | How. |\n\
            | `inner.path` | text, optional | none | Where. |\n";
        assert_eq!(documentation::<Document>(), expected);
    }

    #[test]
    fn a_printed_document_is_yaml() {
        let printed = redacted(&Document::default()).unwrap();
        assert_eq!(
            printed,
            "wait: 1s 500ms\ninner:\n  codec: zstd\n  path: null\n"
        );
    }
}
