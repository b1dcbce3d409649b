//! [`Builder`]: the knobs of a pool.

use super::Pool;
use crate::error::{BuildError, EnvError, panic};
use crate::idle::MAX_WORKERS;
use crate::strategy::Scheduler;
use crate::sync::processors;
use crate::task::Task;
use crate::worker::{Crew, Hook, Hooks, Inject, PanicHandler, Shared, WhenFull};
use std::any::Any;
use std::env;
use std::fmt;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::Arc;

/// The number of workers of a pool for which none was set: the processors that this process may use, at least 1.
///
/// See [`sync::processors`](crate::sync::processors) for what it honours.
///
/// ```
/// assert!(pool_core::default_workers() >= 1);
/// ```
pub fn default_workers() -> usize {
    processors().min(MAX_WORKERS)
}

/// What the threads of a pool are called.
#[derive(Clone)]
pub(crate) enum ThreadName {
    Prefix(String),
    By(Arc<dyn Fn(usize) -> String + Send + Sync>),
}

impl ThreadName {
    /// The longest name, in bytes, that Linux shows in full.
    const LONGEST: usize = 15;

    /// The name of a worker's thread. A prefix that is too long gives way to the number.
    pub(crate) fn of_worker(&self, index: usize) -> String {
        match self {
            Self::By(name) => name(index),
            Self::Prefix(prefix) => {
                let number = format!("-{index}");
                let mut end = prefix.len().min(Self::LONGEST - number.len());
                while !prefix.is_char_boundary(end) {
                    end -= 1;
                }
                prefix[..end].to_owned() + &number
            }
        }
    }
}

impl fmt::Debug for ThreadName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Prefix(prefix) => prefix.fmt(f),
            Self::By(_) => f.write_str("by function"),
        }
    }
}

/// How to start the threads of a pool.
#[derive(Clone, Debug)]
pub(crate) struct ThreadConfig {
    pub(crate) name: ThreadName,
    pub(crate) stack_size: Option<usize>,
    pub(crate) seed: u64,
}

/// Builds a [`Pool`] with other than the default settings.
///
/// ```
/// # use pool_core::doc_toy as my_strategy;
/// let pool = my_strategy::Pool::builder().workers(3).thread_name("img").seed(7).build()?;
/// assert_eq!(pool.workers(), 3);
/// # Ok::<(), pool_core::BuildError>(())
/// ```
#[must_use = "a builder does nothing until `build`"]
pub struct Builder<S> {
    scheduler: S,
    /// `None` for the default.
    workers: Result<Option<usize>, EnvError>,
    capacity: Option<usize>,
    when_full: WhenFull,
    threads: ThreadConfig,
    on_start: Option<Hook>,
    on_stop: Option<Hook>,
    on_panic: Option<PanicHandler>,
}

impl<S: Scheduler<Task> + 'static> Builder<S> {
    pub(crate) fn new(scheduler: S) -> Self {
        Self {
            scheduler,
            workers: Ok(None),
            capacity: None,
            when_full: WhenFull::default(),
            threads: ThreadConfig { name: ThreadName::Prefix("pool".into()), stack_size: None, seed: 0 },
            on_start: None,
            on_stop: None,
            on_panic: None,
        }
    }

    /// How many workers. Default: [`default_workers`]. [`build`](Self::build) refuses 0, and more than a pool can
    /// count.
    ///
    /// ```
    /// # use pool_core::doc_toy as my_strategy;
    /// let pool = my_strategy::Pool::builder().workers(3).build()?;
    /// assert_eq!(pool.workers(), 3);
    /// assert!(my_strategy::Pool::builder().workers(0).build().is_err());
    /// # Ok::<(), pool_core::BuildError>(())
    /// ```
    pub fn workers(mut self, workers: usize) -> Self {
        self.workers = Ok(Some(workers));
        self
    }

    /// As many workers as an environment variable says, whose name is the program's choice. If it is unset or empty,
    /// the number stays what it was: of this call and of [`workers`](Self::workers), the last one that says something
    /// counts.
    ///
    /// The variable is read now, once. Its value is a decimal number without blanks around it;
    /// [`build`](Self::build) refuses any other value, 0, and more than a pool can count.
    ///
    /// ```
    /// # use pool_core::doc_toy as my_strategy;
    /// // Two workers, unless the person who starts the program sets another number.
    /// let pool = my_strategy::Pool::builder().workers(2).workers_from_env("MY_APP_WORKERS").build()?;
    /// # assert_eq!(pool.workers(), 2);
    /// # Ok::<(), pool_core::BuildError>(())
    /// ```
    pub fn workers_from_env(mut self, variable: &str) -> Self {
        // A value that is not Unicode is a value: it is refused, and not taken for an unset variable.
        if let Some(value) = env::var_os(variable).filter(|value| !value.is_empty()) {
            let number = value.to_str().and_then(|value| value.parse().ok());
            self.workers = match number.filter(|number| (1..=MAX_WORKERS).contains(number)) {
                Some(number) => Ok(Some(number)),
                None => Err(EnvError::new(variable, value, format!("a number of workers, from 1 to {MAX_WORKERS}"))),
            };
        }
        self
    }

    /// What the threads are called, before a dash and the worker's number. Default: `pool`.
    ///
    /// Linux shows 15 bytes of a thread's name. Where the name would be longer, its beginning is cut off, so that the
    /// number stays visible. [`build`](Self::build) refuses a name with a zero byte.
    ///
    /// ```
    /// # use pool_core::doc_toy as my_strategy;
    /// let pool = my_strategy::Pool::builder().thread_name("img").workers(1).build()?;
    /// let name = pool.install(|| std::thread::current().name().map(str::to_owned));
    /// assert_eq!(name.as_deref(), Some("img-0"));
    /// # Ok::<(), pool_core::BuildError>(())
    /// ```
    pub fn thread_name(mut self, name: impl Into<String>) -> Self {
        self.threads.name = ThreadName::Prefix(name.into());
        self
    }

    /// Names each thread by a function of the worker's number, and leaves the name as it is. A panic in the function
    /// unwinds out of the call that would start the thread.
    ///
    /// ```
    /// # use pool_core::doc_toy as my_strategy;
    /// let pool = my_strategy::Pool::builder().thread_name_with(|worker| format!("{worker}th of img")).workers(1).build()?;
    /// let name = pool.install(|| std::thread::current().name().map(str::to_owned));
    /// assert_eq!(name.as_deref(), Some("0th of img"));
    /// # Ok::<(), pool_core::BuildError>(())
    /// ```
    pub fn thread_name_with(mut self, name: impl Fn(usize) -> String + Send + Sync + 'static) -> Self {
        self.threads.name = ThreadName::By(Arc::new(name));
        self
    }

    /// Bounds the pool: when so many tasks wait, those that come from outside are dealt with as [`when_full`](Self::when_full)
    /// says. Default: no bound.
    ///
    /// Tasks that run take no room. What the pool's own tasks submit does, and always comes in, beyond the bound if need
    /// be: a task that waited for room could wait for itself. So do the calls from outside that wait for what they
    /// submit: [`Pool::install`], [`join`](Pool::join), [`scope`](Pool::scope) and the loops; a thread has one of them at most.
    ///
    /// ```
    /// # use pool_core::doc_toy as my_strategy;
    /// // Never more than 1,000 lines in memory, however fast they come.
    /// let pool = my_strategy::Pool::builder().capacity(1_000).build()?;
    /// for line in 0..100_000 {
    ///     pool.execute(move || drop(line));
    /// }
    /// assert!(pool.metrics().waiting <= 1_000);
    /// # Ok::<(), pool_core::BuildError>(())
    /// ```
    ///
    /// A submission costs the comparison of two numbers more, and one of some dozens the sum of the workers' counts; a task
    /// costs its worker a full fence more.
    pub fn capacity(mut self, tasks: usize) -> Self {
        self.capacity = Some(tasks);
        self
    }

    /// What to do with a task from outside when the pool is full. Default: [`WhenFull::Block`]. Has no meaning without a
    /// [`capacity`](Self::capacity).
    ///
    /// ```
    /// # use pool_core::doc_toy as my_strategy;
    /// use pool_core::WhenFull;
    ///
    /// let pool = my_strategy::Pool::builder().capacity(100).when_full(WhenFull::CallerRuns).build()?;
    /// # Ok::<(), pool_core::BuildError>(())
    /// ```
    pub fn when_full(mut self, policy: WhenFull) -> Self {
        self.when_full = policy;
        self
    }

    /// The stack of each worker, in bytes. Default: that of `std::thread`.
    ///
    /// Nested waits take stack: see [`JoinHandle::join`](crate::JoinHandle::join).
    ///
    /// ```
    /// # use pool_core::doc_toy as my_strategy;
    /// let pool = my_strategy::Pool::builder().stack_size(8 << 20).build()?;
    /// # Ok::<(), pool_core::BuildError>(())
    /// ```
    pub fn stack_size(mut self, bytes: usize) -> Self {
        self.threads.stack_size = Some(bytes);
        self
    }

    /// Called first on each worker's thread, with the worker's number, before the thread is a worker: the free
    /// functions do not know the pool yet, and it cannot wait for the pool ([`Pool::install`] and the like panic). A panic
    /// in it goes to the panic handler.
    ///
    /// ```
    /// # use pool_core::doc_toy as my_strategy;
    /// let pool = my_strategy::Pool::builder().on_start(|worker| println!("{worker} starts")).build()?;
    /// # Ok::<(), pool_core::BuildError>(())
    /// ```
    pub fn on_start(mut self, hook: impl Fn(usize) + Send + Sync + 'static) -> Self {
        self.on_start = Some(Arc::new(hook));
        self
    }

    /// Called last on each worker's thread, with the worker's number, when the thread is not a worker any more. A panic
    /// in it goes to the panic handler.
    ///
    /// ```
    /// # use pool_core::doc_toy as my_strategy;
    /// let pool = my_strategy::Pool::builder().on_stop(|worker| println!("{worker} has ended")).build()?;
    /// # Ok::<(), pool_core::BuildError>(())
    /// ```
    pub fn on_stop(mut self, hook: impl Fn(usize) + Send + Sync + 'static) -> Self {
        self.on_stop = Some(Arc::new(hook));
        self
    }

    /// Takes the payload of each panic that no handle, scope or join takes, on the thread where it happened: of tasks,
    /// of the hooks, of the strategy on a worker. For handles see [`JoinHandle`](crate::JoinHandle). A panic in the
    /// handler is ignored. Default: one line on standard error, after what the panic hook printed.
    ///
    /// ```
    /// # use pool_core::doc_toy as my_strategy;
    /// let pool = my_strategy::Pool::builder().panic_handler(|payload| drop(payload)).build()?;
    /// pool.execute(|| std::panic::resume_unwind(Box::new("on its own")));
    /// # Ok::<(), pool_core::BuildError>(())
    /// ```
    pub fn panic_handler(mut self, handler: impl Fn(Box<dyn Any + Send>) + Send + Sync + 'static) -> Self {
        self.on_panic = Some(Arc::new(handler));
        self
    }

    /// The seed of all of the strategy's randomness. Default: 0. The *i*-th worker that is started is given the *i*-th
    /// number of a stream made from it (SplitMix64).
    ///
    /// ```
    /// # use pool_core::doc_toy as my_strategy;
    /// let pool = my_strategy::Pool::builder().seed(7).build()?;
    /// # Ok::<(), pool_core::BuildError>(())
    /// ```
    pub fn seed(mut self, seed: u64) -> Self {
        self.threads.seed = seed;
        self
    }

    /// Starts the threads.
    ///
    /// ```
    /// # use pool_core::doc_toy as my_strategy;
    /// let pool = my_strategy::Pool::builder().build()?;
    /// assert_eq!(pool.workers(), pool_core::default_workers());
    /// # Ok::<(), pool_core::BuildError>(())
    /// ```
    ///
    /// # Errors
    /// [`BuildError::Workers`] for a number of workers that no pool can have; [`BuildError::Env`] for a variable of
    /// [`workers_from_env`](Self::workers_from_env) that gives none; [`BuildError::NoRoom`] for a capacity of zero;
    /// [`BuildError::CannotDiscard`] for a policy that the strategy cannot serve; [`BuildError::Thread`] if the system will not start a
    /// thread, or its name holds a zero byte: those already started have ended then.
    pub fn build(self) -> Result<Pool<S>, BuildError> {
        let workers = self.workers?.unwrap_or_else(default_workers);
        if !(1..=MAX_WORKERS).contains(&workers) {
            return Err(BuildError::Workers { asked: workers, most: MAX_WORKERS });
        }
        if self.capacity == Some(0) {
            return Err(BuildError::NoRoom);
        }
        if self.when_full.eviction().is_some_and(|which| !self.scheduler.can_evict(which)) {
            return Err(BuildError::CannotDiscard);
        }
        let room = self.capacity.map(|capacity| (capacity, self.when_full));
        let name = match &self.threads.name {
            ThreadName::Prefix(prefix) => prefix.clone(),
            ThreadName::By(_) => "pool".into(),
        };
        let hooks = Hooks {
            on_start: self.on_start,
            on_stop: self.on_stop,
            on_panic: self.on_panic.unwrap_or_else(|| {
                Arc::new(move |payload| {
                    eprintln!("{name}: a task without a handle panicked: {}", panic::message(payload.as_ref()));
                })
            }),
        };
        // More searchers than half the processors would take from busy workers the items that those would run next.
        let most_searching = workers.min(default_workers()).div_ceil(2);
        let shared = Arc::new(Shared {
            scheduler: Arc::new(self.scheduler),
            crew: Arc::new(Crew::new(hooks, most_searching, room)),
        });
        let strategy: Arc<dyn Inject> = shared.clone();
        shared.crew.serve(Arc::downgrade(&strategy));
        let pool = Pool::from_parts(shared, self.threads);
        // On an error the pool is dropped, which ends the threads that it has.
        pool.add_workers(workers).map_err(|error| BuildError::Thread(error.into_source()))?;
        Ok(pool)
    }
}

// The hooks are called once the pool is built; a panic in them is caught there.
impl<S: UnwindSafe> UnwindSafe for Builder<S> {}
impl<S: RefUnwindSafe> RefUnwindSafe for Builder<S> {}

impl<S: fmt::Debug> fmt::Debug for Builder<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("scheduler", &self.scheduler)
            .field("workers", &self.workers)
            .field("threads", &self.threads)
            .finish_non_exhaustive()
    }
}
