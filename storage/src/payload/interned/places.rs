//! Resources and scopes of a payload that is being read. Those that payloads share are put into the
//! batch at once, or where a lens looks at the payload, when a span of them is looked at.

use model::{ResourceRef, ScopeRef};

use super::decode::Decoder;
use super::resource_code;
use crate::payload::dictionary::{SharedResource, SharedScope};
use crate::payload::lens::SharedOrigin;
use crate::payload::varint::Cursor;
use crate::payload::{DecodeError, Lens, whole};

/// A resource of a segment.
#[derive(Debug, Clone, Copy)]
enum Place<'a> {
    /// In the batch.
    Kept(u32),
    /// Not in the batch.
    Passed(&'a SharedResource),
}

/// What is not in the batch of a scope that is.
#[derive(Debug, Clone, Copy)]
pub(super) struct PassedOrigin<'a> {
    resource: &'a SharedResource,
    /// The scope, and its number in the dictionary, unless it lies in the segment.
    scope: Option<(&'a SharedScope, u32)>,
}

impl<'a> Decoder<'a, '_> {
    /// Reads resources and scopes; `lazily`: passes over those that are shared.
    pub(super) fn origins(
        &mut self,
        mut from: Cursor<'a>,
        lazily: bool,
    ) -> Result<(), DecodeError> {
        let mut named = self.header.named();
        // New and named resources, by their number in this segment.
        let mut here: Vec<Place<'a>> = Vec::new();
        while !from.0.is_empty() {
            let resource = match from.number()? {
                resource_code::NEW => {
                    let resource = whole::resource(&mut self.values.texts, &mut self.batch)?;
                    here.push(Place::Kept(self.push_resource(resource)));
                    here[here.len() - 1]
                }
                resource_code::NAMED => {
                    let name = named.next().ok_or(DecodeError::Impossible("resource"))?;
                    here.push(self.shared(self.known.resource(name)?, lazily));
                    here[here.len() - 1]
                }
                code if code % 2 == resource_code::AGAIN % 2 => {
                    let number = ((code - resource_code::AGAIN) / 2) as usize;
                    let found = here.get(number).copied();
                    found.ok_or(DecodeError::Impossible("resource"))?
                }
                code => {
                    let number = ((code - resource_code::SHARED) / 2) as usize;
                    let shared = self.dictionary.resources.get(number);
                    self.shared(shared.ok_or(DecodeError::Impossible("resource"))?, lazily)
                }
            };
            self.scope(from.number()?, resource)?;
        }
        Ok(())
    }

    fn push_resource(&mut self, resource: ResourceRef<'a>) -> u32 {
        self.batch.resources.push(resource);
        self.batch.resources.len() as u32 - 1
    }

    fn shared(&mut self, shared: &'a SharedResource, lazily: bool) -> Place<'a> {
        match lazily {
            true => Place::Passed(shared),
            false => Place::Kept(self.push_shared(shared)),
        }
    }

    fn push_shared(&mut self, shared: &'a SharedResource) -> u32 {
        let resource = &shared.resource;
        let attributes = self.batch.push_attributes(&resource.attributes);
        self.push_resource(ResourceRef {
            attributes,
            dropped_attributes: resource.dropped_attributes,
            schema_url: &resource.schema_url,
        })
    }

    fn scope(&mut self, code: u64, resource: Place<'a>) -> Result<(), DecodeError> {
        let shared = match code.checked_sub(1) {
            None => None,
            Some(number) => {
                let shared = self.dictionary.scopes.get(number as usize);
                Some((
                    shared.ok_or(DecodeError::Impossible("scope"))?,
                    number as u32,
                ))
            }
        };
        let (place, passed) = match resource {
            Place::Kept(place) => (place, None),
            Place::Passed(resource) => {
                let scope = shared;
                (u32::MAX, Some(PassedOrigin { resource, scope }))
            }
        };
        let scope = match shared {
            None => whole::scope(&mut self.values.texts, place, &mut self.batch)?,
            Some(_) if passed.is_some() => ScopeRef::default(),
            Some((shared, _)) => self.shared_scope(shared, place),
        };
        self.batch.scopes.push(scope);
        self.passed.push(passed);
        Ok(())
    }

    fn shared_scope(&mut self, shared: &'a SharedScope, resource: u32) -> ScopeRef<'a> {
        let scope = &shared.scope;
        ScopeRef {
            resource,
            name: &scope.name,
            version: &scope.version,
            attributes: self.batch.push_attributes(&scope.attributes),
            dropped_attributes: scope.dropped_attributes,
            schema_url: &scope.schema_url,
        }
    }

    /// The scope's name among all payloads of the dictionary, if all of it is shared.
    pub(super) fn shared_origin(&self, scope: usize) -> Option<SharedOrigin> {
        let passed = self.passed[scope]?;
        let (_, number) = passed.scope?;
        Some((passed.resource.name, number))
    }

    /// Whether attributes of a scope or of its resource have a key that the lens keeps. The scope
    /// is in the batch.
    pub(super) fn has_kept_keys(&self, scope: usize, lens: &Lens) -> bool {
        let scope = &self.batch.scopes[scope];
        let resource = &self.batch.resources[scope.resource as usize];
        let of_scope = self.batch.attributes(scope.attributes).iter();
        let mut all = of_scope.chain(self.batch.attributes(resource.attributes));
        all.any(|of| lens.keeps(of.key))
    }

    /// Puts an empty resource and an empty scope into the batch for what was passed over.
    pub(super) fn keep_no_origin(&mut self, scope: usize) {
        if self.passed[scope].take().is_some() {
            let resource = self.push_resource(ResourceRef::default());
            self.batch.scopes[scope].resource = resource;
        }
    }

    /// Puts into the batch what of a scope was passed over.
    pub(super) fn keep_origin(&mut self, scope: usize) {
        let Some(passed) = self.passed[scope].take() else {
            return;
        };
        let resource = self.push_shared(passed.resource);
        match passed.scope {
            Some((shared, _)) => {
                self.batch.scopes[scope] = self.shared_scope(shared, resource);
            }
            None => self.batch.scopes[scope].resource = resource,
        }
    }
}
