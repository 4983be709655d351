//! The methods that a network has seen, numbered: counters are rows of tables, and no call looks up a string.

use std::collections::BTreeMap;

use labsim::sync::Arc;

use crate::service::{MethodRef, ServiceSpec, Wanted};

/// The methods called so far.
#[derive(Default)]
pub(crate) struct Methods {
    /// The names, by id.
    names: Vec<Arc<str>>,
    ids: BTreeMap<Arc<str>, u32>,
    /// The ids of a declared service's methods.
    specs: Vec<(&'static ServiceSpec, Vec<u32>)>,
}

impl Methods {
    /// The method that is wanted, entered at its first use.
    pub fn find(&mut self, wanted: Wanted<'_>) -> MethodRef {
        let id = match wanted {
            Wanted::Named(name) => self.intern(name),
            Wanted::Typed(spec, index) => {
                let known = self.specs.iter().find(|(s, _)| std::ptr::eq(*s, spec));
                known
                    .map(|(_, ids)| ids[index])
                    .unwrap_or_else(|| self.learn(spec)[index])
            }
        };
        let typed = match wanted {
            Wanted::Typed(spec, index) => Some((spec, index as u32)),
            Wanted::Named(_) => None,
        };
        MethodRef {
            id,
            name: self.names[id as usize].clone(),
            typed,
        }
    }

    /// The id of a method by its full name, if it has been called.
    pub fn id(&self, name: &str) -> Option<u32> {
        self.ids.get(name).copied()
    }

    /// The full names, by id.
    pub fn names(&self) -> &[Arc<str>] {
        &self.names
    }

    fn learn(&mut self, spec: &'static ServiceSpec) -> Vec<u32> {
        let all = 0..spec.methods.len();
        let ids: Vec<u32> = all
            .map(|i| self.intern(&Wanted::Typed(spec, i).full_name()))
            .collect();
        self.specs.push((spec, ids.clone()));
        ids
    }

    fn intern(&mut self, name: &str) -> u32 {
        if let Some(id) = self.ids.get(name) {
            return *id;
        }
        let name: Arc<str> = name.into();
        let id = self.names.len() as u32;
        self.names.push(name.clone());
        self.ids.insert(name, id);
        id
    }
}
