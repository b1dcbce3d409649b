//! [`EnvError`]: an environment variable with a value that cannot be used.

use std::borrow::Cow;
use std::error::Error;
use std::ffi::{OsStr, OsString};
use std::fmt;

/// An environment variable is set to something that cannot be used, for example by
/// [`Builder::workers_from_env`](crate::Builder::workers_from_env).
///
/// The message names the variable and the value, and says what the variable takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnvError {
    variable: String,
    value: OsString,
    takes: Cow<'static, str>,
}

impl EnvError {
    /// For a variable with this value, and words for the values that it takes instead.
    ///
    /// ```
    /// use pool_core::EnvError;
    ///
    /// let error = EnvError::new("MY_APP_COLOUR", "maybe", "yes or no");
    /// assert_eq!(error.to_string(), r#"the environment variable MY_APP_COLOUR is "maybe"; it takes yes or no"#);
    /// ```
    pub fn new(variable: impl Into<String>, value: impl Into<OsString>, takes: impl Into<Cow<'static, str>>) -> Self {
        Self { variable: variable.into(), value: value.into(), takes: takes.into() }
    }

    /// The name of the variable.
    ///
    /// ```
    /// # use pool_core::EnvError;
    /// assert_eq!(EnvError::new("MY_APP_COLOUR", "maybe", "yes or no").variable(), "MY_APP_COLOUR");
    /// ```
    pub fn variable(&self) -> &str {
        &self.variable
    }

    /// Its value, which need not be Unicode.
    ///
    /// ```
    /// # use pool_core::EnvError;
    /// assert_eq!(EnvError::new("MY_APP_COLOUR", "maybe", "yes or no").value(), "maybe");
    /// ```
    pub fn value(&self) -> &OsStr {
        &self.value
    }
}

impl fmt::Display for EnvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { variable, value, takes } = self;
        write!(f, "the environment variable {variable} is {value:?}; it takes {takes}")
    }
}

impl Error for EnvError {}
