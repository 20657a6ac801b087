//! How schemas become known without the registry: records on `spoor.control`.

use serde::{Deserialize, Serialize};

use crate::{SchemaError, SchemaId, fingerprint_of};

/// Says that a schema has an id. The control topic keeps the last record of each key, and an id
/// never changes its schema, so every announcement ever made can be read there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SchemaAnnouncement {
    /// The registry's subject, such as [`crate::TRACE_CHUNK_SUBJECT`].
    pub subject: String,
    /// The schema's id, as it stands in the frame of its records.
    pub id: SchemaId,
    /// The schema's fingerprint ([`crate::fingerprint_of`]), by which writers find their id.
    pub fingerprint: String,
    /// The schema itself, JSON as text.
    pub schema: String,
}

/// Why a control record is no announcement of a schema although its key says so.
#[derive(Debug, thiserror::Error)]
pub enum AnnouncementError {
    /// The value is not the JSON of an announcement.
    #[error("the control record {key} is not the JSON of a schema announcement")]
    Malformed {
        /// The record's key.
        key: String,
        /// The cause.
        source: serde_json::Error,
    },
    /// The key names another subject or id than the value.
    #[error("the control record {key} announces {subject} under id {id}")]
    Mislabelled {
        /// The record's key.
        key: String,
        /// The value's subject.
        subject: String,
        /// The value's id.
        id: SchemaId,
    },
}

impl SchemaAnnouncement {
    /// The announcement of a schema.
    ///
    /// # Errors
    /// If `schema` is no Avro schema.
    pub fn new(
        subject: impl Into<String>,
        id: SchemaId,
        schema: impl Into<String>,
    ) -> Result<Self, SchemaError> {
        let schema = schema.into();
        Ok(Self {
            subject: subject.into(),
            id,
            fingerprint: fingerprint_of(&schema)?,
            schema,
        })
    }

    /// Key of the record: `schema/<subject>/<id>`.
    pub fn key(&self) -> String {
        format!("{PREFIX}{}/{}", self.subject, self.id)
    }

    /// Key and value of the record.
    pub fn to_record(&self) -> (Vec<u8>, Vec<u8>) {
        let value = serde_json::to_vec(self).expect("texts and a number always have a JSON form");
        (self.key().into_bytes(), value)
    }

    /// Reads a control record; none if its key is not that of a schema announcement.
    ///
    /// # Errors
    /// If the key is that of one and the value does not fit it.
    pub fn from_record(key: &[u8], value: &[u8]) -> Result<Option<Self>, AnnouncementError> {
        let Some(key) = std::str::from_utf8(key)
            .ok()
            .filter(|key| key.starts_with(PREFIX))
        else {
            return Ok(None);
        };
        let key = key.to_owned();
        match serde_json::from_slice::<Self>(value) {
            Err(source) => Err(AnnouncementError::Malformed { key, source }),
            Ok(announcement) if announcement.key() == key => Ok(Some(announcement)),
            Ok(Self { subject, id, .. }) => {
                Err(AnnouncementError::Mislabelled { key, subject, id })
            }
        }
    }
}

/// Begins the keys of announcements.
const PREFIX: &str = "schema/";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{TRACE_CHUNK_SCHEMA, TRACE_CHUNK_SUBJECT, fingerprint};

    fn ours() -> SchemaAnnouncement {
        SchemaAnnouncement::new(TRACE_CHUNK_SUBJECT, SchemaId(7), TRACE_CHUNK_SCHEMA)
            .expect("the embedded schema is valid")
    }

    #[test]
    fn an_announcement_survives_its_record() {
        let (key, value) = ours().to_record();
        assert_eq!(key, b"schema/spoor.spans-value/7");
        let read = SchemaAnnouncement::from_record(&key, &value).expect("it is well-formed");
        assert_eq!(read, Some(ours()));
        assert_eq!(ours().fingerprint, fingerprint());
    }

    #[test]
    fn other_control_records_are_no_announcements() {
        let read = SchemaAnnouncement::from_record(b"sampling/checkout", b"{}");
        assert!(matches!(read, Ok(None)));
    }

    #[test]
    fn a_value_that_does_not_fit_its_key_is_refused() {
        let (key, value) = ours().to_record();
        let read = SchemaAnnouncement::from_record(b"schema/spoor.spans-value/8", &value);
        assert!(matches!(read, Err(AnnouncementError::Mislabelled { .. })));
        let read = SchemaAnnouncement::from_record(&key, b"<html>");
        assert!(matches!(read, Err(AnnouncementError::Malformed { .. })));
    }
}
