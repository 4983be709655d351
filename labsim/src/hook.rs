//! The panic hook: a panic inside a run is noted for its report instead of printed.

use std::backtrace::Backtrace;
use std::panic::PanicHookInfo;
use std::sync::{Arc, Once};

use crate::domain::Domain;
use crate::outcome::PanicRecord;
use crate::{sim, wall};

/// Puts our hook before the one that is there. Panics outside a run go on to that one.
pub(crate) fn install() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if let Some(sim) = sim::current() {
                let mut record = record(info);
                let noted = sim.kernel.try_with(|k| {
                    record.peer = k.me().acts_for().map(Domain::peer);
                    k.me().panic = Some(record);
                });
                if noted.is_none() {
                    before(info);
                }
            } else if !wall::note_panic(|| record(info)) {
                before(info);
            }
        }));
    });
}

fn record(info: &PanicHookInfo<'_>) -> PanicRecord {
    let message = info
        .payload_as_str()
        .unwrap_or("(a value that is not a message)")
        .to_owned();
    PanicRecord {
        message,
        location: info.location().map(ToString::to_string),
        peer: None,
        backtrace: Arc::new(Backtrace::capture()),
    }
}
