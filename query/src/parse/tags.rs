//! Conditions on attributes: JSON maps, logfmt, `key:value`.

use std::collections::BTreeMap;

use model::SpanPredicate;
use serde_json::Value;

use super::{Malformed, logfmt};

/// Conditions by key; of a repeated key the last value counts.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tags(BTreeMap<String, String>);

impl Tags {
    /// Adds a pair.
    pub fn add(&mut self, key: String, value: String) {
        self.0.insert(key, value);
    }

    /// Adds `key:value`.
    pub fn add_simple(&mut self, tag: &str) -> Result<(), Malformed> {
        let Some((key, value)) = tag.split_once(':') else {
            return Err(Malformed(format!(
                "malformed 'tag' parameter, expecting key:value, received: {tag}"
            )));
        };
        self.0.insert(key.to_owned(), value.to_owned());
        Ok(())
    }

    /// Adds a JSON object of strings.
    pub fn add_json(&mut self, text: &str) -> Result<(), TagsError> {
        let map: Value = serde_json::from_str(text)?;
        let Value::Object(map) = map else {
            return Err(TagsError::Type(kind(&map), "map[string]string"));
        };
        for (key, value) in map {
            match value {
                Value::String(value) => self.0.insert(key, value),
                // Go leaves a null as it is, which is the empty string.
                Value::Null => self.0.insert(key, String::new()),
                other => return Err(TagsError::Type(kind(&other), "string")),
            };
        }
        Ok(())
    }

    /// Adds a JSON object, or pairs of logfmt when the text is not JSON.
    pub fn add_json_or_logfmt(&mut self, text: &str) -> Result<(), TagsError> {
        let error = match self.add_json(text) {
            Err(TagsError::Syntax(error)) if !text.trim_start().starts_with('{') => error,
            other => return other,
        };
        let pairs = logfmt::parse(text).map_err(|_| TagsError::Syntax(error))?;
        self.0.extend(pairs);
        Ok(())
    }

    /// The predicates, unless there are more than `most`.
    pub fn predicates(self, most: usize) -> Result<Vec<SpanPredicate>, Malformed> {
        let count = self.0.len();
        if count > most {
            return Err(Malformed(format!(
                "{count} tags are too many, at most {most}"
            )));
        }
        let predicate = |(key, value): (String, String)| SpanPredicate::from_tag(&key, &value);
        Ok(self.0.into_iter().map(predicate).collect())
    }
}

/// Why a text is no map of strings.
#[derive(Debug, thiserror::Error)]
pub enum TagsError {
    /// Not JSON at all.
    #[error(transparent)]
    Syntax(#[from] serde_json::Error),
    /// JSON, but of another type; in Go's words.
    #[error("json: cannot unmarshal {0} into Go value of type {1}")]
    Type(&'static str, &'static str),
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tags(add: impl FnOnce(&mut Tags) -> Result<(), TagsError>) -> Result<Tags, String> {
        let mut tags = Tags::default();
        add(&mut tags)
            .map(|()| tags)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn json_and_logfmt_mean_the_same() {
        let json = tags(|tags| tags.add_json_or_logfmt(r#"{"a":"1","b":"x y"}"#));
        let logfmt = tags(|tags| tags.add_json_or_logfmt(r#"a=1 b="x y""#));
        assert!(json.is_ok());
        assert_eq!(json, logfmt);
    }

    #[test]
    fn a_value_that_is_no_string_is_refused_in_gos_words() {
        let found = tags(|tags| tags.add_json_or_logfmt(r#"{"a":1}"#));
        let words = "json: cannot unmarshal number into Go value of type string";
        assert_eq!(found, Err(words.to_owned()));
    }

    #[test]
    fn neither_json_nor_logfmt_is_refused() {
        for text in ["word", r#"{"a":"#, "[]", "12", "\"a=b\""] {
            assert!(
                tags(|tags| tags.add_json_or_logfmt(text)).is_err(),
                "{text}"
            );
        }
    }

    #[test]
    fn too_many_conditions_are_refused() {
        let mut tags = Tags::default();
        (0..3).for_each(|n| tags.add_simple(&format!("k{n}:v")).expect("a pair"));
        assert!(tags.clone().predicates(3).is_ok());
        let words = "3 tags are too many, at most 2";
        assert_eq!(tags.predicates(2), Err(Malformed(words.to_owned())));
    }
}
