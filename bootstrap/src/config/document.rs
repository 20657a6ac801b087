//! What a section says about itself: names, types, defaults, words.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::probe::allowed_values;

/// A section of the configuration that can be explained. Implemented by [`config!`](crate::config!).
pub trait Documented {
    /// Its keys in order of declaration.
    fn document() -> SectionDoc;
}

/// A section: its words and its keys.
#[derive(Debug, Clone)]
pub struct SectionDoc {
    /// What the section is about.
    pub doc: String,
    /// Its keys in order of declaration.
    pub fields: Vec<FieldDoc>,
    defaults: Value,
}

/// One key of a section.
#[derive(Debug, Clone)]
pub struct FieldDoc {
    /// The key.
    pub name: &'static str,
    /// What it is about.
    pub doc: String,
    /// What it holds.
    pub kind: Kind,
}

/// What a key holds.
#[derive(Debug, Clone)]
pub enum Kind {
    /// Keys of its own.
    Section(SectionDoc),
    /// A value.
    Value {
        /// The type in words: `duration`, `size`, `text`, `one of lz4, zstd`.
        type_name: String,
        /// The default as it would be written in a TOML file; empty without one.
        default: String,
        /// Whether text from the environment or a flag is parsed as TOML is, or taken literally.
        parsed: bool,
        /// Whether the value is a [`Secret`](crate::Secret), which `<key>_file` sets as well.
        secret: bool,
    },
}

impl SectionDoc {
    /// A section without keys so far. `lines` are its doc comment, `defaults` its default value.
    pub fn new(lines: &[&str], defaults: &impl Serialize) -> Self {
        Self {
            doc: joined(lines),
            fields: Vec::new(),
            defaults: serde_json::to_value(defaults).unwrap_or(Value::Null),
        }
    }

    /// Adds a key that holds a value of type `T`, spelled `type_name` in Rust.
    #[must_use]
    pub fn value<T: DeserializeOwned>(
        mut self,
        name: &'static str,
        type_name: &str,
        lines: &[&str],
    ) -> Self {
        let rust = type_name.replace(' ', "");
        let optional = rust
            .strip_prefix("Option<")
            .and_then(|rest| rest.strip_suffix('>'));
        let rust = optional.unwrap_or(&rust);
        let words = match allowed_values::<T>() {
            Some(values) => format!("one of `{}`", values.join("`, `")),
            None => in_words(rust),
        };
        let kind = Kind::Value {
            parsed: matches!(
                words.as_str(),
                "number" | "true or false" | "list" | "table"
            ),
            secret: words == "secret",
            type_name: if optional.is_some() {
                format!("{words}, optional")
            } else {
                words
            },
            default: self.defaults.get(name).map(as_toml).unwrap_or_default(),
        };
        self.fields.push(FieldDoc {
            name,
            doc: joined(lines),
            kind,
        });
        self
    }

    /// Adds a key that holds a section.
    #[must_use]
    pub fn section<T: Documented>(
        mut self,
        name: &'static str,
        _type_name: &str,
        lines: &[&str],
    ) -> Self {
        let doc = joined(lines);
        self.fields.push(FieldDoc {
            name,
            doc,
            kind: Kind::Section(T::document()),
        });
        self
    }

    /// The key of this name.
    pub fn field(&self, name: &str) -> Option<&FieldDoc> {
        self.fields.iter().find(|field| field.name == name)
    }

    /// Every key below this section that holds a value, with its path.
    pub fn paths(&self) -> Vec<String> {
        let mut paths = Vec::new();
        for field in &self.fields {
            match &field.kind {
                Kind::Value { .. } => paths.push(field.name.to_owned()),
                Kind::Section(section) => {
                    let below = section.paths().into_iter();
                    paths.extend(below.map(|path| format!("{}.{path}", field.name)));
                }
            }
        }
        paths
    }
}

fn joined(lines: &[&str]) -> String {
    let lines: Vec<&str> = lines.iter().map(|line| line.trim()).collect();
    lines.join("\n").trim().to_owned()
}

/// The name that people know for a Rust type.
fn in_words(rust: &str) -> String {
    let last = |path: &str| path.rsplit("::").next().unwrap_or(path).to_owned();
    let base = last(rust.split('<').next().unwrap_or(rust));
    match base.as_str() {
        "bool" => "true or false",
        "u8" | "u16" | "u32" | "u64" | "usize" | "i8" | "i16" | "i32" | "i64" | "f32" | "f64" => {
            "number"
        }
        name if name.starts_with("NonZero") => "number",
        "Duration" => "duration",
        "ByteSize" => "size",
        "Secret" => "secret",
        "Vec" | "BTreeSet" | "HashSet" => "list",
        "BTreeMap" | "HashMap" => "table",
        "SocketAddr" => "address",
        "PathBuf" => "path",
        _ => "text",
    }
    .to_owned()
}

/// A default as it would stand in a TOML file.
fn as_toml(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::Object(entries) => {
            let entries: Vec<String> = entries
                .iter()
                .map(|(key, value)| format!("{key} = {}", as_toml(value)))
                .collect();
            format!("{{{}}}", entries.join(", "))
        }
        value => value.to_string(),
    }
}
