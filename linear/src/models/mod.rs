//! Ready-made models.

mod kv;
mod kv_decoded;
mod kv_form;
mod kv_plain;
mod register;

pub use kv::{Kv, KvInput, KvKey, KvOutput};
pub use kv_form::KvForm;
pub use register::{Register, RegisterInput, RegisterOutput};
