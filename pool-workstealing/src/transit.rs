//! Items on their way from one place to another.
//!
//! A worker that looks at one place after another could miss an item that moves from a place it has not reached yet to one
//! that it has passed, and promise that nothing waits while something does. Dispatching an item is not a move: nobody else
//! may wait for it any more. The one move that there is, is giving back what a leaving worker held.

use pool_core::sync::atomic::{AtomicUsize, Ordering, fence};

/// Counts the moves begun and the moves ended.
///
/// Who found each place empty between [`arrived`](Transit::arrived) and [`none_since`](Transit::none_since) that says
/// `true` has missed nothing:
///
/// 1. An item missed was seen by neither the look at the place it left nor the look at the place it went to. So the former
///    read a value written by its removal, or a later one.
/// 2. That write comes after the release fence in [`depart`](Transit::depart), and the look reads it with acquire: the
///    increment of `departed` happens before the look, and `none_since` sees it.
/// 3. So if `none_since` says `true`, the end of this move had been counted in what `arrived` read. `arrived` synchronizes
///    with the increment that ended the move: the item lay in its new place before the first look, and was seen there.
#[derive(Debug)]
pub(crate) struct Transit {
    departed: AtomicUsize,
    arrived: AtomicUsize,
}

/// A move under way; it ends when this is dropped.
#[must_use]
pub(crate) struct Moving<'a>(&'a Transit);

impl Transit {
    pub(crate) fn new() -> Self {
        Self { departed: AtomicUsize::new(0), arrived: AtomicUsize::new(0) }
    }

    /// To be called before an item leaves its place.
    #[inline]
    pub(crate) fn depart(&self) -> Moving<'_> {
        // Relaxed: the fence releases it.
        self.departed.fetch_add(1, Ordering::Relaxed);
        // Synchronizes with the look that misses an item removed after this, and so with `none_since`.
        fence(Ordering::Release);
        Moving(self)
    }

    /// The number of moves that have ended. Acquire: pairs with the end of a [`Moving`].
    #[inline]
    pub(crate) fn arrived(&self) -> usize {
        self.arrived.load(Ordering::Acquire)
    }

    /// Whether no move was under way between the call of [`arrived`](Self::arrived) that gave this number and now.
    ///
    /// Needs no Acquire of its own: the look that misses an item has synchronized with the fence in
    /// [`depart`](Self::depart).
    #[inline]
    pub(crate) fn none_since(&self, arrived: usize) -> bool {
        self.departed.load(Ordering::Acquire) == arrived
    }
}

impl Drop for Moving<'_> {
    #[inline]
    fn drop(&mut self) {
        // Synchronizes with `Transit::arrived`.
        self.0.arrived.fetch_add(1, Ordering::Release);
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::Transit;

    #[test]
    fn a_move_shows_however_it_lies_in_time() {
        let transit = Transit::new();
        let arrived = transit.arrived();
        assert!(transit.none_since(arrived));
        // Within the look.
        drop(transit.depart());
        assert!(!transit.none_since(arrived));
        // Begun before it, ended within.
        let moving = transit.depart();
        let arrived = transit.arrived();
        drop(moving);
        assert!(!transit.none_since(arrived));
        // Begun within it, not ended.
        let arrived = transit.arrived();
        let moving = transit.depart();
        assert!(!transit.none_since(arrived));
        drop(moving);
        assert!(transit.none_since(transit.arrived()));
    }
}
