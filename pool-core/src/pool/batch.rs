//! Many tasks at once.

use super::task_builder::{TaskBuilder, refused};
use super::{JoinHandle, Pool};
use crate::error::{Rejected, Rejection};
use crate::strategy::Scheduler;
use crate::task::Task;
use crate::task::cell::{self, Kind};
use crate::task::token::Lent;
use crate::worker::{Context, IfFull};

impl<S: Scheduler<Task> + 'static> Pool<S> {
    /// Like [`execute`](Self::execute) for many closures: counted, published and announced at once. They keep their order
    /// as far as the strategy keeps any.
    ///
    /// O(n), with one list for all of them.
    ///
    /// Into a [bounded](crate::Builder::capacity) pool without room for all, they go one by one, as its policy says; a shutdown
    /// meanwhile refuses the rest. With [`WhenFull::Reject`](crate::WhenFull::Reject), all or none.
    ///
    /// ```
    /// # use pool_core::doc_toy as my_strategy;
    /// let pool = my_strategy::Pool::new();
    /// pool.execute_batch((0..3).map(|i| move || println!("{i}")));
    /// ```
    ///
    /// # Panics
    /// If the pool has been shut down or is [full](crate::Builder::capacity) and refuses; no closure runs then. With the panic of the iterator, which is run to its end
    /// before anything is submitted; no closure runs then either.
    #[track_caller]
    pub fn execute_batch<F: FnOnce() + Send + 'static>(&self, batch: impl IntoIterator<Item = F>) {
        self.task().execute_batch(batch);
    }

    /// Like [`execute_batch`](Self::execute_batch), and returns a handle for each, in their order. One allocation each.
    ///
    /// ```
    /// # use pool_core::doc_toy as my_strategy;
    /// let pool = my_strategy::Pool::new();
    /// let handles = pool.spawn_batch((1..=3).map(|n| move || n * n));
    /// let squares: Result<Vec<i32>, _> = handles.into_iter().map(|handle| handle.join()).collect();
    /// assert_eq!(squares?, [1, 4, 9]);
    /// # Ok::<(), pool_core::JoinError>(())
    /// ```
    ///
    /// # Panics
    /// As [`execute_batch`](Self::execute_batch).
    #[track_caller]
    pub fn spawn_batch<F, R>(&self, batch: impl IntoIterator<Item = F>) -> Vec<JoinHandle<R>>
    where
        F: FnOnce() -> R + Send + 'static,
        R: Send + 'static,
    {
        self.task().spawn_batch(batch)
    }
}

impl<S: Scheduler<Task> + 'static> TaskBuilder<&Pool<S>> {
    /// As [`Pool::execute_batch`], with one hint for all.
    ///
    /// ```
    /// # use pool_core::doc_toy as my_strategy;
    /// my_strategy::Pool::new().task().hint(()).execute_batch((0..3).map(|i| move || println!("{i}")));
    /// ```
    ///
    /// # Panics
    /// As [`Pool::execute_batch`].
    #[track_caller]
    pub fn execute_batch<F: FnOnce() + Send + 'static>(self, batch: impl IntoIterator<Item = F>) {
        let token = self.guard.clone().into_token();
        let tasks = batch.into_iter().map(|f| match token.clone() {
            None => Task::from_closure(f),
            Some(token) => Task::from_closure(move || token.run(f)),
        });
        let tasks = tasks.collect();
        if let Err((tasks, reason)) = self.submit_all(tasks, IfFull::Policy) {
            drop(tasks);
            refused(reason);
        }
    }

    /// Like [`execute_batch`](Self::execute_batch).
    ///
    /// ```
    /// # use pool_core::doc_toy as my_strategy;
    /// let pool = my_strategy::Pool::new();
    /// pool.shutdown()?;
    /// let refused = pool.task().try_execute_batch((0..3).map(|i| move || println!("{i}"))).unwrap_err();
    /// assert_eq!(refused.into_inner().len(), 3);
    /// # Ok::<(), pool_core::WaitError>(())
    /// ```
    ///
    /// # Errors
    /// With all closures, in their order, if the pool has been shut down, or has not room for all.
    pub fn try_execute_batch<F: FnOnce() + Send + 'static>(
        self,
        batch: impl IntoIterator<Item = F>,
    ) -> Result<(), Rejected<Vec<F>>> {
        if let Some(token) = self.guard.clone().into_token() {
            let closures: Vec<_> = batch.into_iter().map(Lent::new).collect();
            let tasks = closures.iter().map(|f| {
                let (token, lent) = (token.clone(), f.again());
                Task::from_closure(move || token.run(|| lent.take()()))
            });
            let tasks = tasks.collect();
            return self
                .submit_all(tasks, IfFull::Try)
                .map_err(|(_, reason)| Rejected::new(closures.iter().map(Lent::take).collect(), reason));
        }
        self.submit_all(batch.into_iter().map(Task::from_closure).collect(), IfFull::Try).map_err(|(tasks, reason)| {
            // SAFETY: each was made from an `F` just now, and none was given to a strategy.
            let closures = tasks.into_iter().map(|task| unsafe { task.into_closure::<F>() });
            Rejected::new(closures.collect(), reason)
        })
    }

    /// As [`Pool::spawn_batch`], with one hint for all.
    ///
    /// ```
    /// # use pool_core::doc_toy as my_strategy;
    /// let pool = my_strategy::Pool::new();
    /// let handles = pool.task().hint(()).spawn_batch([|| 1, || 2]);
    /// assert_eq!(handles.len(), 2);
    /// ```
    ///
    /// # Panics
    /// As [`Pool::execute_batch`].
    #[track_caller]
    pub fn spawn_batch<F, R>(self, batch: impl IntoIterator<Item = F>) -> Vec<JoinHandle<R>>
    where
        F: FnOnce() -> R + Send + 'static,
        R: Send + 'static,
    {
        let (pool, token) = (self.place.shared.crew.id(), self.guard.clone().into_token());
        let (tasks, handles) = batch
            .into_iter()
            .map(|f| {
                let (task, holder) = match token.clone() {
                    // SAFETY: closure and result are `'static`.
                    None => unsafe { cell::new(pool, Kind::Owned, f) },
                    // SAFETY: as above.
                    Some(token) => unsafe { cell::new(pool, Kind::Owned, move || token.run(f)) },
                };
                (task, JoinHandle::new(holder))
            })
            .unzip();
        if let Err((tasks, reason)) = self.submit_all(tasks, IfFull::Policy) {
            drop(tasks);
            refused(reason);
        }
        handles
    }

    /// Submits all, or gives all back.
    fn submit_all(self, tasks: Vec<Task>, if_full: IfFull) -> Result<(), (Vec<Task>, Rejection)> {
        let (pool, shared) = (self.place, &self.place.shared);
        Context::with_of(&shared.crew, |context| match context {
            Some(context) => {
                let worker = pool.own_worker(context);
                context.submit_many(tasks, |task| worker.push(task, self.hint.clone()));
                Ok(())
            }
            None if pool.is_inherited() => Err((tasks, Rejection::Forked)),
            None => shared.submit_batch(tasks, self.hint, self.patience.map_or(if_full, IfFull::Wait)),
        })
    }
}
