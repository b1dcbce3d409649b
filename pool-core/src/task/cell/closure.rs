//! Where the closure of a cell lies: in the cell, or in a box of its own if it is large.
//!
//! To call a closure by value moves it to the stack of the thread that calls it. A large one would take more stack than
//! `std::thread` does, so it is called in its box.

/// Larger closures, in bytes, are boxed: a move of that size costs no more than an allocation.
pub(super) const LARGEST_IN_CELL: usize = 1024;

/// Holds an `F` until it is called.
pub(super) trait Hold<F, R> {
    fn hold(f: F) -> Self;
    fn call(self) -> R;
    fn give_back(self) -> F;
}

/// In the cell.
pub(super) struct InCell<F>(F);

impl<F: FnOnce() -> R, R> Hold<F, R> for InCell<F> {
    #[inline(always)]
    fn hold(f: F) -> Self {
        Self(f)
    }

    #[inline(always)]
    fn call(self) -> R {
        (self.0)()
    }

    fn give_back(self) -> F {
        self.0
    }
}

/// In a box.
pub(super) struct Boxed<F>(Box<F>);

impl<F: FnOnce() -> R, R> Hold<F, R> for Boxed<F> {
    fn hold(f: F) -> Self {
        Self(Box::new(f))
    }

    fn call(self) -> R {
        // As a trait object it is called where it lies.
        let f: Box<dyn FnOnce() -> R + '_> = self.0;
        f()
    }

    fn give_back(self) -> F {
        *self.0
    }
}
