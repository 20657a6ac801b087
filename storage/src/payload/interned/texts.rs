//! Texts of a payload that is being read. One that is passed over is read when a later one that is
//! kept turns out to be the same.

use bumpalo::Bump;

use super::text_code;
use super::values::Values;
use crate::bits::BitReader;
use crate::payload::dictionary::{Entry, NO_COLUMN};
use crate::payload::number::unsigned;
use crate::payload::varint::Cursor;
use crate::payload::{DecodeError, text};

/// A text of the segment by its place among them.
#[derive(Debug, Clone, Copy)]
pub(super) enum KnownText<'a> {
    Read(&'a str),
    /// The one with this number among those that were passed over.
    Unread(u32),
}

/// Where a text lies that was passed over.
#[derive(Debug)]
pub(super) enum Unread<'a, 'p> {
    Literal(&'a [u8]),
    Uuid([u8; 16]),
    Hex(&'p [u8]),
    /// A template, and what comes before its numbers.
    Filled(&'a str, Cursor<'a>, BitReader<'p>),
}

impl<'a> Unread<'a, '_> {
    /// Reads it now.
    pub(super) fn read(&self, arena: &'a Bump) -> Result<&'a str, DecodeError> {
        match self {
            Self::Literal(bytes) => text::plain(bytes),
            Self::Uuid(bytes) => text::uuid(bytes, arena),
            Self::Hex(bytes) => text::hex(bytes, arena),
            Self::Filled(template, classes, bits) => {
                let (mut classes, mut bits) = (*classes, bits.clone());
                text::fill(template, arena, || unsigned(&mut classes, &mut bits))
            }
        }
    }
}

impl<'a> Values<'a, '_> {
    /// A text that is not of an attribute.
    pub(super) fn own_text(&mut self, own: u8) -> Result<&'a str, DecodeError> {
        self.text(self.dictionary.column("", own))
    }

    /// Passes over a text that is not of an attribute.
    pub(super) fn pass_own_text(&mut self, own: u8) -> Result<(), DecodeError> {
        self.pass_text(self.dictionary.column("", own))
    }

    pub(super) fn text(&mut self, column: u32) -> Result<&'a str, DecodeError> {
        let text = match self.codes.number()? {
            text_code::LITERAL => {
                let len = self.codes.number()? as usize;
                text::plain(self.texts.bytes(len)?)?
            }
            text_code::UUID => text::uuid(&self.extra.array()?, self.arena)?,
            text_code::HEX => {
                let len = self.codes.number()? as usize;
                text::hex(self.extra.bytes(len)?, self.arena)?
            }
            text_code::AGAIN => return self.known_text(),
            code => match self.entry(column, code - text_code::ENTRY)? {
                Entry::Text(text) => return Ok(text),
                Entry::Template(template) => {
                    let next = || unsigned(&mut self.codes, &mut self.bits);
                    text::fill(template, self.arena, next)?
                }
                _ => return Err(DecodeError::Impossible("entry")),
            },
        };
        self.known_texts.push(KnownText::Read(text));
        Ok(text)
    }

    /// A text that was there before.
    fn known_text(&mut self) -> Result<&'a str, DecodeError> {
        let ago = self.codes.number()?;
        let place = (self.known_texts.len() as u64).checked_sub(ago.saturating_add(1));
        let place = place.ok_or(DecodeError::Impossible("text"))? as usize;
        match self.known_texts[place] {
            KnownText::Read(text) => Ok(text),
            KnownText::Unread(number) => {
                let text = self.unread_texts[number as usize].read(self.arena)?;
                self.known_texts[place] = KnownText::Read(text);
                Ok(text)
            }
        }
    }

    fn entry(&self, column: u32, number: u64) -> Result<&'a Entry, DecodeError> {
        let number = u32::try_from(number).ok().filter(|_| column != NO_COLUMN);
        let entry = number.and_then(|number| self.dictionary.entry(column, number));
        entry.ok_or(DecodeError::Impossible("entry"))
    }

    /// Passes over a text.
    pub(super) fn pass_text(&mut self, column: u32) -> Result<(), DecodeError> {
        let unread = match self.codes.number()? {
            text_code::LITERAL => {
                let len = self.codes.number()? as usize;
                Unread::Literal(self.texts.bytes(len)?)
            }
            text_code::UUID => Unread::Uuid(self.extra.array()?),
            text_code::HEX => {
                let len = self.codes.number()? as usize;
                Unread::Hex(self.extra.bytes(len)?)
            }
            text_code::AGAIN => return self.codes.number().map(drop),
            code => match self.entry(column, code - text_code::ENTRY)? {
                Entry::Template(template) => {
                    let numbers = (self.codes, self.bits.clone());
                    for _ in 0..text::holes(template) {
                        unsigned(&mut self.codes, &mut self.bits)?;
                    }
                    Unread::Filled(template, numbers.0, numbers.1)
                }
                _ => return Ok(()),
            },
        };
        let number = self.unread_texts.len() as u32;
        self.unread_texts.push(unread);
        self.known_texts.push(KnownText::Unread(number));
        Ok(())
    }
}
