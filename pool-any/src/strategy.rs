//! [`Strategy`]: the name of a strategy.

use std::env;
use std::error::Error;
use std::fmt;
use std::str::FromStr;

use pool_core::EnvError;

/// One of the strategies that a pool can be given at run time.
///
/// Its name is what [`FromStr`] reads and [`Display`](fmt::Display) writes: in small letters, as below.
///
/// ```
/// use pool_any::Strategy;
///
/// let strategy: Strategy = "workstealing".parse()?;
/// assert_eq!(strategy, Strategy::WorkStealing);
/// assert_eq!(strategy.to_string(), "workstealing");
/// # Ok::<(), pool_any::UnknownStrategy>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Strategy {
    /// `fifo`: strictly in submission order. See [`Fifo`](crate::Fifo).
    Fifo,
    /// `workstealing`: a deque for each worker, and thieves. See [`WorkStealing`](crate::WorkStealing).
    WorkStealing,
    /// `priority`: the most urgent [`Level`](crate::Level) first. See [`Priority`](crate::Priority).
    Priority,
}

impl Strategy {
    /// All of them.
    ///
    /// ```
    /// use pool_any::Strategy;
    ///
    /// for strategy in Strategy::ALL {
    ///     println!("--strategy {strategy}");
    /// }
    /// ```
    pub const ALL: &'static [Self] = &[Self::Fifo, Self::WorkStealing, Self::Priority];

    /// Its name.
    ///
    /// ```
    /// assert_eq!(pool_any::Strategy::WorkStealing.name(), "workstealing");
    /// ```
    pub const fn name(self) -> &'static str {
        match self {
            Self::Fifo => "fifo",
            Self::WorkStealing => "workstealing",
            Self::Priority => "priority",
        }
    }

    /// The strategy that an environment variable names, whose own name is the program's choice. `None` if it is unset
    /// or empty. The variable is read by each call.
    ///
    /// ```
    /// use pool_any::{BuildError, Pool, Strategy};
    ///
    /// fn pool() -> Result<Pool, BuildError> {
    ///     let strategy = Strategy::from_env("MY_APP_POOL")?.unwrap_or(Strategy::Fifo);
    ///     pool_any::builder(strategy).workers_from_env("MY_APP_WORKERS").build()
    /// }
    /// # assert_eq!(pool()?.scheduler().strategy(), Strategy::Fifo);
    /// # Ok::<(), BuildError>(())
    /// ```
    ///
    /// # Errors
    /// If the value is not the name of a strategy; that it is not Unicode is one way. The error has the variable, the
    /// value, and the names that there are.
    pub fn from_env(variable: &str) -> Result<Option<Self>, EnvError> {
        let Some(value) = env::var_os(variable).filter(|value| !value.is_empty()) else { return Ok(None) };
        match value.to_str().and_then(|name| name.parse().ok()) {
            Some(strategy) => Ok(Some(strategy)),
            None => Err(EnvError::new(variable, value, format!("the name of a strategy: {}", names()))),
        }
    }
}

/// All names, for a message.
fn names() -> String {
    let names: Vec<_> = Strategy::ALL.iter().map(|strategy| strategy.name()).collect();
    names.join(", ")
}

impl fmt::Display for Strategy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Strategy {
    type Err = UnknownStrategy;

    fn from_str(name: &str) -> Result<Self, UnknownStrategy> {
        let found = Self::ALL.iter().copied().find(|strategy| strategy.name() == name);
        found.ok_or_else(|| UnknownStrategy { name: name.into() })
    }
}

/// No [`Strategy`] has this name. The message lists the names that there are.
///
/// ```
/// use pool_any::Strategy;
///
/// let error = "lifo".parse::<Strategy>().unwrap_err();
/// assert_eq!(error.to_string(), r#"no strategy is called "lifo"; there are fifo, workstealing, priority"#);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownStrategy {
    name: Box<str>,
}

impl UnknownStrategy {
    /// The name that no strategy has.
    ///
    /// ```
    /// use pool_any::Strategy;
    ///
    /// assert_eq!("lifo".parse::<Strategy>().unwrap_err().name(), "lifo");
    /// ```
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl fmt::Display for UnknownStrategy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no strategy is called {:?}; there are {}", self.name, names())
    }
}

impl Error for UnknownStrategy {}
