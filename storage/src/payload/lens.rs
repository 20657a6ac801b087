//! What of spans a search looks at: other attributes, events and links are passed over.

use std::cell::RefCell;

use foldhash::HashMap;

use super::dictionary::{Dictionary, NO_COLUMN};

/// Keys of attributes, and what else is looked at.
#[derive(Debug, Default)]
pub(crate) struct Lens {
    keys: Vec<String>,
    /// Whether events are looked at.
    pub(crate) events: bool,
    /// Whether links are looked at.
    pub(crate) links: bool,
    /// Whether of resource and scope more is looked at than these attributes once a row was read.
    pub(crate) origins: bool,
    fitted: Fitted,
    /// To other dictionaries: payloads of several lie beside each other.
    fitted_before: Vec<Fitted>,
}

/// The columns of one dictionary that have such a key.
#[derive(Debug, Default)]
struct Fitted {
    dictionary: u64,
    columns: Vec<bool>,
    /// What was said of resources and scopes that payloads share.
    origins: RefCell<HashMap<SharedOrigin, Said>>,
}

/// What is known of a resource and a scope from another payload.
#[derive(Debug, Clone, Copy)]
pub(super) struct Said {
    /// Whether spans of them may answer.
    pub(super) passes: bool,
    /// Whether anything of them is looked at later.
    pub(super) is_kept: bool,
}

/// A resource by its name, and a scope of it by its number in the dictionary.
pub(super) type SharedOrigin = (u64, u32);

/// What is known of a span when it is judged; the later, the more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Sight {
    /// Its ids and times.
    Frame,
    /// Its resource and scope, which it shares with all spans of that scope.
    Origin,
    /// Its name, kind, flags and status.
    Row,
    /// All that a lens keeps.
    Whole,
}

impl Sight {
    /// Every one, in order.
    pub(super) const ALL: [Self; 4] = [Self::Frame, Self::Origin, Self::Row, Self::Whole];
}

impl Lens {
    /// Attributes with this key are looked at.
    pub(crate) fn add_key(&mut self, key: &str) {
        if !self.keeps(key) {
            self.keys.push(key.to_owned());
            self.fitted = Fitted::default();
            self.fitted_before.clear();
        }
    }

    /// Looks up the keys in a dictionary, unless that was done before.
    pub(super) fn fit(&mut self, dictionary: &Dictionary) {
        let name = dictionary.name();
        if self.fitted.dictionary == name {
            return;
        }
        let mut others = self.fitted_before.iter_mut();
        if let Some(known) = others.find(|known| known.dictionary == name) {
            return std::mem::swap(&mut self.fitted, known);
        }
        let columns = dictionary.columns.iter();
        let fitted = Fitted {
            dictionary: name,
            columns: columns.map(|column| self.keeps(&column.key)).collect(),
            origins: RefCell::default(),
        };
        let before = std::mem::replace(&mut self.fitted, fitted);
        self.fitted_before.push(before);
    }

    pub(super) fn keeps(&self, key: &str) -> bool {
        self.keys.iter().any(|wanted| wanted == key)
    }

    /// Whether values of this column of the dictionary are kept.
    pub(super) fn keeps_column(&self, column: u32) -> bool {
        column != NO_COLUMN && self.fitted.columns.get(column as usize) == Some(&true)
    }

    /// What was said of an origin in another payload.
    pub(super) fn said_of(&self, origin: SharedOrigin) -> Option<Said> {
        self.fitted.origins.borrow().get(&origin).copied()
    }

    /// Remembers what was said of an origin.
    pub(super) fn say_of(&self, origin: SharedOrigin, said: Said) {
        self.fitted.origins.borrow_mut().insert(origin, said);
    }
}
