//! [`AnyStrategy`] and [`AnyWorker`]: the two halves, each of which asks at every call which strategy it is.

use std::fmt;
use std::sync::Arc;

use pool_core::Task;
use pool_core::strategy::{Admit, Asking, Eviction, Scheduler, Worker};
use pool_fifo::{Fifo, FifoWorker};
use pool_priority::{Level, Priority, PriorityWorker};
use pool_workstealing::{StealingWorker, WorkStealing};

use crate::Strategy;

/// A half of one of the strategies.
enum One<F, W, P> {
    Fifo(F),
    WorkStealing(W),
    Priority(P),
}

type Shared<T> = One<Arc<Fifo<T>>, Arc<WorkStealing<T>>, Arc<Priority<T>>>;
type Own<T> = One<FifoWorker<T>, StealingWorker<T>, PriorityWorker<T>>;

/// Evaluates one expression with whichever half it is.
macro_rules! each {
    ($one:expr, $half:ident => $then:expr) => {
        match $one {
            One::Fifo($half) => $then,
            One::WorkStealing($half) => $then,
            One::Priority($half) => $then,
        }
    };
}

/// Evaluates the first expression with a half that knows no hints, and the second with one that knows levels.
macro_rules! by_hint {
    ($one:expr, $half:ident => $plain:expr, $levels:expr) => {
        match $one {
            One::Fifo($half) => $plain,
            One::WorkStealing($half) => $plain,
            One::Priority($half) => $levels,
        }
    };
}

/// The strategy that was chosen when it was made: [`Fifo`], [`WorkStealing`] or [`Priority`].
///
/// It does what that strategy does, call by call: the same order, the same promises, the same randomness from the same
/// seed. Its hint is a [`Level`], which the strategies without urgency ignore.
///
/// ```
/// use pool_any::{AnyStrategy, Level, Scheduler, Strategy, Worker};
/// use std::sync::Arc;
///
/// for (strategy, first) in [(Strategy::Fifo, "early"), (Strategy::Priority, "urgent")] {
///     let any = Arc::new(AnyStrategy::new(strategy));
///     any.inject("early", Some(Level::LOW));
///     any.inject("urgent", Some(Level::HIGH));
///     assert_eq!(any.attach(0).next(), Some(first));
/// }
/// ```
pub struct AnyStrategy<T = Task>(Shared<T>);

impl<T> AnyStrategy<T> {
    /// This strategy, with its default settings. For others there is `From`: see [`Priority::with_slacks`].
    ///
    /// ```
    /// use pool_any::{AnyStrategy, Pool, Priority, Strategy};
    ///
    /// let pool = Pool::builder_with(AnyStrategy::new(Strategy::Fifo)).build()?;
    /// let of_three_levels = Pool::builder_with(Priority::with_slacks(&[0, 1_000, u64::MAX]).into()).build()?;
    /// # Ok::<(), pool_any::BuildError>(())
    /// ```
    pub fn new(strategy: Strategy) -> Self {
        match strategy {
            Strategy::Fifo => Fifo::new().into(),
            Strategy::WorkStealing => WorkStealing::new().into(),
            Strategy::Priority => Priority::new().into(),
        }
    }

    /// Which strategy it is.
    ///
    /// ```
    /// use pool_any::Strategy;
    ///
    /// let pool = pool_any::builder(Strategy::WorkStealing).build()?;
    /// assert_eq!(pool.scheduler().strategy(), Strategy::WorkStealing);
    /// # Ok::<(), pool_any::BuildError>(())
    /// ```
    pub fn strategy(&self) -> Strategy {
        match self.0 {
            One::Fifo(_) => Strategy::Fifo,
            One::WorkStealing(_) => Strategy::WorkStealing,
            One::Priority(_) => Strategy::Priority,
        }
    }
}

impl<T> From<Fifo<T>> for AnyStrategy<T> {
    fn from(fifo: Fifo<T>) -> Self {
        Self(One::Fifo(Arc::new(fifo)))
    }
}

impl<T> From<WorkStealing<T>> for AnyStrategy<T> {
    fn from(stealing: WorkStealing<T>) -> Self {
        Self(One::WorkStealing(Arc::new(stealing)))
    }
}

impl<T> From<Priority<T>> for AnyStrategy<T> {
    fn from(priority: Priority<T>) -> Self {
        Self(One::Priority(Arc::new(priority)))
    }
}

impl<T> fmt::Debug for AnyStrategy<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        each!(&self.0, shared => f.debug_tuple("AnyStrategy").field(shared).finish())
    }
}

/// What the pool answers, without the hint.
#[inline(always)]
fn plain<T>(answer: Admit<T, Level>) -> Admit<T, ()> {
    match answer {
        Admit::Yes(item, _) => Admit::Yes(item, None),
        Admit::Closed => Admit::Closed,
        Admit::Full => Admit::Full,
    }
}

impl<T: Send> Scheduler<T> for AnyStrategy<T> {
    type Hint = Level;
    type Worker = AnyWorker<T>;

    fn attach(self: &Arc<Self>, seed: u64) -> AnyWorker<T> {
        AnyWorker(match &self.0 {
            One::Fifo(shared) => One::Fifo(shared.attach(seed)),
            One::WorkStealing(shared) => One::WorkStealing(shared.attach(seed)),
            One::Priority(shared) => One::Priority(shared.attach(seed)),
        })
    }

    #[inline]
    fn inject(&self, item: T, level: Option<Level>) {
        by_hint!(&self.0, shared => shared.inject(item, None), shared.inject(item, level));
    }

    fn is_empty(&self) -> bool {
        each!(&self.0, shared => Scheduler::is_empty(&**shared))
    }

    #[inline(always)]
    fn inject_if(&self, admit: impl FnOnce(Asking<'_>) -> Admit<T, Level>) {
        by_hint!(
            &self.0,
            shared => shared.inject_if(
                #[inline(always)]
                |asking| plain(admit(asking))
            ),
            shared.inject_if(admit)
        );
    }

    fn inject_batch(&self, items: impl Iterator<Item = T>, level: Option<Level>) {
        by_hint!(&self.0, shared => shared.inject_batch(items, None), shared.inject_batch(items, level));
    }

    fn take_all(self: &Arc<Self>, sink: impl FnMut(T)) {
        each!(&self.0, shared => shared.take_all(sink));
    }

    fn can_evict(&self, which: Eviction) -> bool {
        each!(&self.0, shared => shared.can_evict(which))
    }

    fn evict(&self, which: Eviction, incoming: Option<&Level>) -> Option<(T, Option<Level>)> {
        by_hint!(
            &self.0,
            shared => shared.evict(which, None).map(|(item, _)| (item, None)),
            shared.evict(which, incoming)
        )
    }

    /// What the strategy promises that it is.
    #[inline(always)]
    fn inject_is_ordered(&self) -> bool {
        each!(&self.0, shared => shared.inject_is_ordered())
    }
}

/// A worker of [`AnyStrategy`]: that of the chosen strategy.
pub struct AnyWorker<T: Send = Task>(Own<T>);

impl<T: Send> fmt::Debug for AnyWorker<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        each!(&self.0, worker => f.debug_tuple("AnyWorker").field(worker).finish())
    }
}

impl<T: Send> Worker<T> for AnyWorker<T> {
    type Hint = Level;

    #[inline(always)]
    fn push(&mut self, item: T, level: Option<Level>) {
        by_hint!(&mut self.0, worker => worker.push(item, None), worker.push(item, level));
    }

    fn next(&mut self) -> Option<T> {
        each!(&mut self.0, worker => worker.next())
    }

    #[inline]
    fn try_next(&mut self) -> Option<T> {
        each!(&mut self.0, worker => worker.try_next())
    }

    fn retire(self) {
        each!(self.0, worker => worker.retire());
    }

    /// What the strategy promises that it is.
    #[inline(always)]
    fn push_is_ordered(&self) -> bool {
        each!(&self.0, worker => worker.push_is_ordered())
    }
}
