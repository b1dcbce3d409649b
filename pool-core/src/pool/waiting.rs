//! The calls of a [`Pool`] that wait for what they are given: a closure, two, a scope, a loop.

use super::Pool;
use super::task_builder::{Place, TaskBuilder, refused};
use crate::error::Rejection;
use crate::parallel::{self, LoopIndex, Scope, join, scope_here};
use crate::strategy::Scheduler;
use crate::sync::Deadline;
use crate::task::cell::{self, Holder, Kind};
use crate::task::{Task, wait};
use crate::worker::{Context, IfFull, Life, STARTING, life_in};
use std::ops::Range;
use std::panic::resume_unwind;

impl<S: Scheduler<Task> + 'static> Pool<S> {
    /// Runs `f` on a worker and waits for it. On a worker of this pool: runs it right here. Elsewhere it is a task
    /// without a hint, and one allocation.
    ///
    /// A worker of another pool blocks meanwhile, and its pool does not know for what: two pools whose workers all wait
    /// for each other like that wait for ever. The same holds for [`join`](Self::join), [`scope`](Self::scope) and the
    /// loops.
    ///
    /// ```
    /// # use pool_core::doc_toy as my_strategy;
    /// let pool = my_strategy::Pool::new();
    /// let numbers = vec![3, 1, 2];
    /// assert_eq!(pool.install(|| numbers.iter().max()), Some(&3), "it may borrow");
    /// ```
    ///
    /// # Panics
    /// With the panic of `f`, or if the pool has been shut down.
    #[track_caller]
    pub fn install<F, R>(&self, f: F) -> R
    where
        F: FnOnce() -> R + Send,
        R: Send,
    {
        self.task().install(f)
    }

    /// Runs two closures, in parallel if a worker is free, and returns both results.
    ///
    /// `b` is offered to other workers while this worker runs `a`, unless enough older halves are: then this worker
    /// runs `a`, then `b`, even if others become idle meanwhile. If no worker has taken `b` when `a` has ended, this
    /// worker runs it too. Neither half may wait for the other to *start*. A worker offers only a few halves at a time,
    /// the oldest that it has, and no more than there are other workers.
    ///
    /// Costs a few instructions and no allocation on a worker of this pool while no worker asks for `b`; elsewhere as
    /// [`install`](Self::install).
    ///
    /// Oldest first: Blumofe and Leiserson, "Scheduling multithreaded computations by work stealing" (1999). What a
    /// worker does while it waits for a half that runs elsewhere: Wagner and Calder, "Leapfrogging" (1993).
    ///
    /// ```
    /// # use pool_core::doc_toy as my_strategy;
    /// let (a, b) = my_strategy::Pool::new().join(|| 6 * 7, || "answer");
    /// assert_eq!((a, b), (42, "answer"));
    /// ```
    ///
    /// # Panics
    /// With the panic of `a`, or else with that of `b`. Both closures run in any case. Also if the pool has been shut down.
    ///
    /// If `b` panics, the result of `a` is dropped by the unwinding: as anywhere, a panic in its `Drop` then aborts the
    /// process.
    #[inline]
    #[track_caller]
    pub fn join<A, B, RA, RB>(&self, a: A, b: B) -> (RA, RB)
    where
        A: FnOnce() -> RA + Send,
        B: FnOnce() -> RB + Send,
        RA: Send,
        RB: Send,
    {
        self.task().join(a, b)
    }

    /// Opens a scope: everything spawned in it has ended when this returns, so it may borrow.
    ///
    /// ```
    /// # use pool_core::doc_toy as my_strategy;
    /// let pool = my_strategy::Pool::new();
    /// let mut parts = [0; 3];
    /// pool.scope(|s| {
    ///     for (i, part) in parts.iter_mut().enumerate() {
    ///         s.spawn(move |_| *part = i * i);
    ///     }
    /// });
    /// assert_eq!(parts, [0, 1, 4]);
    /// ```
    ///
    /// # Panics
    /// With the panic of `f`, or else with the first panic of a task, after all tasks have ended. Also if the pool has been
    /// shut down. If a task panicked and the `Drop` of the result of `f` panics too, with the latter.
    #[track_caller]
    pub fn scope<'scope, F, R>(&self, f: F) -> R
    where
        F: FnOnce(&Scope<'scope>) -> R + Send,
        R: Send,
    {
        self.task().scope(f)
    }

    /// Calls `f` with every number of `range`, once each, in parallel if workers are free, and in no particular order.
    ///
    /// The range is divided only when a worker comes for a part of it, as often as that happens, and the calling worker
    /// takes part. A worker does a block of the numbers at a time, first short ones, and in the middle of a long range
    /// a few thousand numbers at most. Idle workers can take all that is in no block, also while an element runs: a
    /// slow element holds up only its block. The exception is a loop that starts while its worker has older work on
    /// offer that no worker has taken: the loop's own offer follows between two blocks. No call may wait for another to
    /// *start*.
    ///
    /// O(n) calls of `f`. A helper costs a small allocation, a loop without helpers none beyond that of
    /// [`install`](Self::install).
    ///
    /// Ranges that are divided when they are stolen: Tzannes, Caragea, Barua, Vishkin, "Lazy binary-splitting" (2010).
    /// Blocks that shrink towards the end: Polychronopoulos, Kuck, "Guided self-scheduling" (1987).
    ///
    /// ```
    /// # use pool_core::doc_toy as my_strategy;
    /// use std::sync::atomic::{AtomicU32, Ordering};
    ///
    /// let sum = AtomicU32::new(0);
    /// my_strategy::Pool::new().for_each(1..101, |i| {
    ///     sum.fetch_add(i, Ordering::Relaxed);
    /// });
    /// assert_eq!(sum.into_inner(), 5050);
    /// ```
    ///
    /// # Panics
    /// With the panic of `f`, after all running calls have ended; with one of them, if there are several. Once one has
    /// panicked, no further block begins. Also if the pool has been shut down.
    #[track_caller]
    pub fn for_each<I, F>(&self, range: Range<I>, f: F)
    where
        I: LoopIndex,
        F: Fn(I) + Sync,
    {
        self.task().for_each(range, f);
    }

    /// Calls `f` with every element of `slice`, as [`for_each`](Self::for_each) does with every number of a range.
    ///
    /// ```
    /// # use pool_core::doc_toy as my_strategy;
    /// let pool = my_strategy::Pool::new();
    /// let mut words = ["some", "words"].map(String::from);
    /// pool.for_each_mut(&mut words, |word| word.make_ascii_uppercase());
    /// assert_eq!(words, ["SOME", "WORDS"]);
    /// ```
    ///
    /// # Panics
    /// As [`for_each`](Self::for_each).
    #[track_caller]
    pub fn for_each_mut<T, F>(&self, slice: &mut [T], f: F)
    where
        T: Send,
        F: Fn(&mut T) + Sync,
    {
        self.task().for_each_mut(slice, f);
    }

    /// Calls `map` with every number of `range` and combines the results with `reduce`. `None` if the range is empty. The
    /// work is divided as by [`for_each`](Self::for_each).
    ///
    /// `reduce` must be associative, so that any neighbours can be combined first. It need not be commutative: its
    /// first argument always comes from the left of its second. With floating-point numbers the grouping, and so the
    /// rounding, differs from that of a plain loop, and from run to run; without helpers, too, since several sums run
    /// side by side.
    ///
    /// O(n): `map` is called for each number, `reduce` one time less.
    ///
    /// ```
    /// # use pool_core::doc_toy as my_strategy;
    /// let pool = my_strategy::Pool::new();
    /// let numbers = [3, 1, 4, 1, 5];
    /// assert_eq!(pool.map_reduce(0..numbers.len(), |i| numbers[i], |a, b| a + b), Some(14));
    /// assert_eq!(pool.map_reduce(0..3, |i: u32| i.to_string(), |a, b| a + &b).as_deref(), Some("012"));
    /// assert_eq!(pool.map_reduce(0..0, |i: u32| i, u32::max), None);
    /// ```
    ///
    /// # Panics
    /// With the panic of `map` or `reduce`, as [`for_each`](Self::for_each). Results that were not reduced yet are
    /// dropped by the unwinding: as anywhere, a panic in the `Drop` of one then aborts the process.
    #[track_caller]
    pub fn map_reduce<I, R, M, F>(&self, range: Range<I>, map: M, reduce: F) -> Option<R>
    where
        I: LoopIndex,
        R: Send,
        M: Fn(I) -> R + Sync,
        F: Fn(R, R) -> R + Sync,
    {
        self.task().map_reduce(range, map, reduce)
    }
}

impl<S: Scheduler<Task> + 'static> TaskBuilder<&Pool<S>> {
    /// As [`Pool::install`].
    ///
    /// ```
    /// # use pool_core::doc_toy as my_strategy;
    /// assert_eq!(my_strategy::Pool::new().task().hint(()).install(|| 2 + 2), 4);
    /// ```
    ///
    /// # Panics
    /// With the panic of `f`, or if the pool has been shut down.
    #[track_caller]
    pub fn install<F, R>(self, f: F) -> R
    where
        F: FnOnce() -> R + Send,
        R: Send,
    {
        self.on_worker(|_| f())
    }

    /// As [`Pool::join`].
    ///
    /// ```
    /// # use pool_core::doc_toy as my_strategy;
    /// assert_eq!(my_strategy::Pool::new().task().hint(()).join(|| 1, || 2), (1, 2));
    /// ```
    ///
    /// # Panics
    /// As [`Pool::join`].
    #[inline]
    #[track_caller]
    pub fn join<A, B, RA, RB>(self, a: A, b: B) -> (RA, RB)
    where
        A: FnOnce() -> RA + Send,
        B: FnOnce() -> RB + Send,
        RA: Send,
        RB: Send,
    {
        self.on_worker(|_| join(a, b))
    }

    /// As [`Pool::scope`]. The tasks of the scope have the urgency of the task that the scope is a part of.
    ///
    /// ```
    /// # use pool_core::doc_toy as my_strategy;
    /// let mut parts = [0; 2];
    /// let (first, second) = parts.split_at_mut(1);
    /// my_strategy::Pool::new().task().hint(()).scope(|s| {
    ///     s.spawn(|_| first[0] = 1);
    ///     s.spawn(|_| second[0] = 2);
    /// });
    /// assert_eq!(parts, [1, 2]);
    /// ```
    ///
    /// # Panics
    /// As [`Pool::scope`].
    #[track_caller]
    pub fn scope<'scope, F, R>(self, f: F) -> R
    where
        F: FnOnce(&Scope<'scope>) -> R + Send,
        R: Send,
    {
        self.on_worker(|context| scope_here(Some(context), f))
    }

    /// As [`Pool::for_each`].
    ///
    /// ```
    /// # use pool_core::doc_toy as my_strategy;
    /// my_strategy::Pool::new().task().hint(()).for_each(0..3, |i| println!("{i}"));
    /// ```
    ///
    /// # Panics
    /// As [`Pool::for_each`].
    #[track_caller]
    pub fn for_each<I, F>(self, range: Range<I>, f: F)
    where
        I: LoopIndex,
        F: Fn(I) + Sync,
    {
        let f = &f;
        self.on_worker(move |_| parallel::for_each(range, f));
    }

    /// As [`Pool::for_each_mut`].
    ///
    /// ```
    /// # use pool_core::doc_toy as my_strategy;
    /// let mut numbers = [1, 2, 3];
    /// my_strategy::Pool::new().task().hint(()).for_each_mut(&mut numbers, |n| *n *= 2);
    /// assert_eq!(numbers, [2, 4, 6]);
    /// ```
    ///
    /// # Panics
    /// As [`Pool::for_each`].
    #[track_caller]
    pub fn for_each_mut<T, F>(self, slice: &mut [T], f: F)
    where
        T: Send,
        F: Fn(&mut T) + Sync,
    {
        let f = &f;
        self.on_worker(move |_| parallel::for_each_mut(slice, f));
    }

    /// As [`Pool::map_reduce`].
    ///
    /// ```
    /// # use pool_core::doc_toy as my_strategy;
    /// let sum = my_strategy::Pool::new().task().hint(()).map_reduce(1..5_u32, |i| i, |a, b| a + b);
    /// assert_eq!(sum, Some(10));
    /// ```
    ///
    /// # Panics
    /// As [`Pool::map_reduce`].
    #[track_caller]
    pub fn map_reduce<I, R, M, F>(self, range: Range<I>, map: M, reduce: F) -> Option<R>
    where
        I: LoopIndex,
        R: Send,
        M: Fn(I) -> R + Sync,
        F: Fn(R, R) -> R + Sync,
    {
        let (map, reduce) = (&map, &reduce);
        self.on_worker(move |_| parallel::map_reduce(range, map, reduce))
    }

    /// Runs `f` with the context of a worker of the pool: this one, or another, which is asked and waited for.
    #[inline]
    #[track_caller]
    pub(super) fn on_worker<F, R>(self, f: F) -> R
    where
        F: FnOnce(&Context) -> R + Send,
        R: Send,
    {
        let here = Context::with_of(&self.place.shared.crew, |context| match context {
            Some(context) => Ok(f(context)),
            None => Err(f),
        });
        match here {
            Ok(result) => result,
            Err(f) => {
                let pool = self.place.shared.crew.id();
                self.ask_worker(pool, move || Context::with(|context| f(context.expect("a worker has a context"))))
            }
        }
    }
}

impl<P: Place> TaskBuilder<P> {
    /// Has a worker of `pool`, which is the identity of the builder's place, run `f`, and waits for it.
    #[track_caller]
    pub(super) fn ask_worker<F, R>(self, pool: usize, f: F) -> R
    where
        F: FnOnce() -> R + Send,
        R: Send,
    {
        if life_in(pool) == Some(Life::Starting) {
            panic!("{STARTING}");
        }
        // SAFETY: this function does not return before the cell is finished, and takes the result itself: nothing below
        // unwinds before `for_task` has returned, except a refused or dropped submission, and then `f` has been dropped.
        let (task, mut holder) = unsafe { cell::new(pool, Kind::Awaited, f) };
        let wait = WaitOnDrop(&mut holder);
        let refusal = match self.place.submit(task, self.hint, IfFull::Exceed) {
            Ok(()) => Rejection::ShutDown,
            Err((task, reason)) => {
                drop(task);
                reason
            }
        };
        drop(wait);
        match holder.take_result() {
            Some(Ok(value)) => value,
            Some(Err(payload)) => resume_unwind(payload),
            None => refused(refusal),
        }
    }
}

/// Waits for a task whose closure borrows from the caller, even while unwinding.
struct WaitOnDrop<'a, R>(&'a mut Holder<R>);

impl<R> Drop for WaitOnDrop<'_, R> {
    fn drop(&mut self) {
        wait::for_task(self.0, Deadline::Never);
    }
}
