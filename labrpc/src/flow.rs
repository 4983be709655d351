//! The course of a call: what happens to its request, at the server, and to its reply.
//!
//! This is the original lab's network, rule for rule, but for three things.
//! - A request on its way is lost if by its arrival its link has been cut or its server replaced. The
//!   original has it executed, even by a server that was meanwhile deleted: here that server has crashed.
//! - A reply that is held back for reordering is tested again when it is due. The original delivers
//!   it even from a server that died meanwhile.
//! - A caller waiting for a handler does not wake up every 100 ms to see whether the server still lives.
//!   When a server goes or a link is cut, the calls concerned are looked at, on those same boundaries.

mod reply;
mod request;
mod travel;
