//! Offers: what a worker has for other workers to take. Data only; the protocols on it stand in
//! [`parallel`](crate::parallel).
//!
//! - [`frame`], [`board`], [`stock`]: the second halves of running `join`s.
//! - [`shard`], [`credit`], [`pending`]: the tasks of scopes, and how they are counted.
//!
//! # Forks
//!
//! The second halves of running `join`s, private until there is demand.
//!
//! A [`Frame`] stands for a `b` that waits for its `a`. It lives on the stack of the `join` that made it, and its worker
//! knows it by its [`ForkStack`]. Most joins make none: `join` asks [`is_calm`], and while there is no demand and
//! enough frames are in stock, it runs `a` and `b`, one after the other, as if there were no pool.
//!
//! Other workers see only what lies on the worker's [`Board`]: a few slots, each with the address of one frame. A
//! worker *exposes* its oldest frames, which stand for the largest pieces of work, while its board has a free slot. To
//! expose is to fill a slot and to put a *ticket* for the slot in the strategy's queue, as an ordinary item that any
//! strategy can carry. A ticket says "look at this slot", not "run this frame": it outlives the frame and is good for
//! whatever lies in the slot when it is drawn, so a task makes no second one while its first is queued. A thief leaves
//! demand on the board, and the owner's next join finds it.
//!
//! ```text
//!                 owner: expose                  thief: take
//! slot   empty ───────────────────► READY ───────────────────► empty     frame: taken, then done
//!          ▲                          │
//!          └──────────────────────────┘
//!                 owner: reclaim
//! ```
//!
//! No frame while enough is on offer ("load-based inlining", and what it costs): Mohr, Kranz, Halstead, "Lazy task creation"
//! (1991).
//! Private deques: Acar, Charguéraud, Rainey, "Scheduling parallel programs by work stealing with private deques" (2013).
//! Oldest first: Blumofe, Leiserson, "Scheduling multithreaded computations by work stealing" (1999).
//! Helping only the thief of one's own work: Wagner, Calder, "Leapfrogging" (1993).

pub(crate) mod board;
pub(crate) mod credit;
pub(crate) mod frame;
pub(crate) mod pending;
pub(crate) mod shard;
pub(crate) mod stock;

#[cfg(doc)]
use board::Board;
#[cfg(doc)]
use frame::Frame;
#[cfg(doc)]
use stock::{ForkStack, is_calm};
