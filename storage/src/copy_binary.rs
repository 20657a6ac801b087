//! Rows in the binary format of COPY: exact, and cheaper for both sides than text.

use std::fmt::{Display, Write};

use sqlx::PgConnection;
use uuid::Uuid;

/// How much is handed to the connection at once: it keeps a copy until it is sent.
const CHUNK: usize = 1 << 20;

/// Arrays of numbers as texts, as an array of arrays of different lengths has to hold them.
#[derive(Debug)]
pub(crate) struct Literals {
    text: String,
    ends: Vec<usize>,
}

impl Literals {
    /// `{1,2}` for each array.
    pub(crate) fn of(arrays: impl Iterator<Item = impl Iterator<Item = impl Display>>) -> Self {
        let mut literals = Self {
            text: String::new(),
            ends: Vec::new(),
        };
        for array in arrays {
            let mut before = '{';
            for number in array {
                // Writing to a string cannot fail.
                write!(literals.text, "{before}{number}").unwrap_or_default();
                before = ',';
            }
            literals
                .text
                .push_str(if before == '{' { "{}" } else { "}" });
            literals.ends.push(literals.text.len());
        }
        literals
    }

    /// The literal of each array.
    pub(crate) fn each(&self) -> Vec<&str> {
        let starts = std::iter::once(&0).chain(&self.ends);
        let each = starts.zip(&self.ends);
        each.map(|(start, end)| &self.text[*start..*end]).collect()
    }
}

/// Rows of one COPY.
#[derive(Debug)]
pub(crate) struct CopyRows {
    bytes: Vec<u8>,
    columns: u16,
    rows: usize,
}

impl CopyRows {
    /// No rows yet, of so many columns each.
    pub(crate) fn new(columns: u16) -> Self {
        let mut bytes = b"PGCOPY\n\xff\r\n\0".to_vec();
        bytes.extend_from_slice(&[0; 8]);
        Self {
            bytes,
            columns,
            rows: 0,
        }
    }

    /// Begins a row; its columns must follow.
    pub(crate) fn row(&mut self) -> &mut Self {
        self.bytes.extend_from_slice(&self.columns.to_be_bytes());
        self.rows += 1;
        self
    }

    /// A `bytea`.
    pub(crate) fn bytes(&mut self, value: &[u8]) -> &mut Self {
        self.bytes
            .extend_from_slice(&(value.len() as u32).to_be_bytes());
        self.bytes.extend_from_slice(value);
        self
    }

    /// A `text`.
    pub(crate) fn text(&mut self, value: &str) -> &mut Self {
        self.bytes(value.as_bytes())
    }

    /// A `text`, or null.
    pub(crate) fn optional_text(&mut self, value: Option<&str>) -> &mut Self {
        self.optional_bytes(value.map(str::as_bytes))
    }

    /// A `bytea`, or null.
    pub(crate) fn optional_bytes(&mut self, value: Option<&[u8]>) -> &mut Self {
        match value {
            Some(value) => self.bytes(value),
            None => {
                self.bytes.extend_from_slice(&(-1i32).to_be_bytes());
                self
            }
        }
    }

    /// A `bigint`, or null.
    pub(crate) fn optional_bigint(&mut self, value: Option<i64>) -> &mut Self {
        let bytes = value.map(i64::to_be_bytes);
        self.optional_bytes(bytes.as_ref().map(<[u8; 8]>::as_slice))
    }

    /// A `double precision`, or null.
    pub(crate) fn optional_double(&mut self, value: Option<f64>) -> &mut Self {
        let bytes = value.map(f64::to_be_bytes);
        self.optional_bytes(bytes.as_ref().map(<[u8; 8]>::as_slice))
    }

    /// A `bigint`.
    pub(crate) fn bigint(&mut self, value: i64) -> &mut Self {
        self.bytes(&value.to_be_bytes())
    }

    /// An `integer`.
    pub(crate) fn integer(&mut self, value: i32) -> &mut Self {
        self.bytes(&value.to_be_bytes())
    }

    /// A `smallint`.
    pub(crate) fn smallint(&mut self, value: i16) -> &mut Self {
        self.bytes(&value.to_be_bytes())
    }

    /// A `uuid`.
    pub(crate) fn uuid(&mut self, value: Uuid) -> &mut Self {
        self.bytes(value.as_bytes())
    }

    /// A `text[]`.
    pub(crate) fn texts(&mut self, values: &[&str]) -> &mut Self {
        self.array(25, values.len(), |rows| {
            for value in values {
                rows.text(value);
            }
        })
    }

    /// A `smallint[]`.
    pub(crate) fn smallints(&mut self, values: &[i16]) -> &mut Self {
        self.array(21, values.len(), |rows| {
            for value in values {
                rows.smallint(*value);
            }
        })
    }

    /// A `bigint[]`.
    pub(crate) fn bigints(&mut self, values: &[i64]) -> &mut Self {
        self.array(20, values.len(), |rows| {
            for value in values {
                rows.bigint(*value);
            }
        })
    }

    /// An array of one dimension whose elements have the type `oid`.
    fn array(&mut self, oid: u32, len: usize, elements: impl FnOnce(&mut Self)) -> &mut Self {
        let length_at = self.bytes.len();
        self.bytes.extend_from_slice(&[0; 4]);
        let dimensions = u32::from(len > 0);
        for field in [dimensions, 0, oid] {
            self.bytes.extend_from_slice(&field.to_be_bytes());
        }
        if len > 0 {
            for field in [len as u32, 1] {
                self.bytes.extend_from_slice(&field.to_be_bytes());
            }
            elements(self);
        }
        let length = (self.bytes.len() - length_at - 4) as u32;
        self.bytes[length_at..length_at + 4].copy_from_slice(&length.to_be_bytes());
        self
    }

    /// Sends the rows with this `COPY … FROM STDIN (FORMAT binary)`. Nothing happens without rows.
    pub(crate) async fn send(
        mut self,
        conn: &mut PgConnection,
        statement: &str,
    ) -> Result<(), sqlx::Error> {
        if self.rows == 0 {
            return Ok(());
        }
        self.bytes.extend_from_slice(&(-1i16).to_be_bytes());
        let mut copy = conn.copy_in_raw(statement).await?;
        for chunk in self.bytes.chunks(CHUNK) {
            copy.send(chunk).await?;
        }
        copy.finish().await?;
        Ok(())
    }
}
