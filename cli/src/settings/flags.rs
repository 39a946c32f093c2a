//! Settings as flags of a command: what is declared once is read from the command line, too.

use std::fmt;
use std::marker::PhantomData;

use candor_platform::config::{Fallback, Kind, Setting};
use clap::{Arg, ArgAction, ArgMatches, Command};

/// The flag that names a file of settings.
pub(super) const CONFIG: &str = "config";

/// Settings that a command takes.
pub(crate) trait Group {
    /// Which.
    const SETTINGS: &'static [Setting];
}

/// What the command line says about the settings of a group.
pub(crate) struct Flags<G> {
    given: Vec<(String, String)>,
    group: PhantomData<G>,
}

impl<G> Flags<G> {
    /// The flags that were given, by name, in their order.
    pub(crate) fn given(&self) -> Vec<(String, String)> {
        self.given.clone()
    }
}

impl<G> fmt::Debug for Flags<G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A flag may hold a password.
        let names: Vec<&String> = self.given.iter().map(|(name, _)| name).collect();
        f.debug_struct("Flags").field("given", &names).finish_non_exhaustive()
    }
}

impl<G: Group> clap::Args for Flags<G> {
    fn augment_args(command: Command) -> Command {
        let known: Vec<String> = command.get_arguments().map(|known| known.get_id().to_string()).collect();
        let new = G::SETTINGS.iter().filter(|setting| !known.iter().any(|known| known == setting.name));
        let mut command = new.fold(command, |command, setting| command.arg(argument(setting)));
        if !known.iter().any(|known| known == CONFIG) {
            let config = Arg::new(CONFIG).long(CONFIG).value_name("FILE").action(ArgAction::Set);
            command = command.arg(config.help("A file of settings: lines of `name = value` [env: CANDOR_CONFIG]"));
        }
        command
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl<G: Group> clap::FromArgMatches for Flags<G> {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let names = G::SETTINGS.iter().map(|setting| setting.name).chain([CONFIG]);
        let given = names.flat_map(|name| {
            let texts = matches.get_many::<String>(name).unwrap_or_default();
            texts.map(move |text| (name.to_owned(), text.clone()))
        });
        Ok(Self { given: given.collect(), group: PhantomData })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

fn argument(setting: &Setting) -> Arg {
    let default = match setting.fallback {
        Fallback::Value(value) => format!(" [default: {value}]"),
        Fallback::Nothing | Fallback::Required => String::new(),
    };
    let mut help = setting.help.to_owned();
    if let Some(first) = help.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    let argument = Arg::new(setting.name).long(setting.name).value_name(value_name(setting.kind));
    let argument = argument.help(format!("{help} [env: {}]{default}", setting.variable()));
    match setting.kind {
        Kind::List => argument.action(ArgAction::Append),
        Kind::Flag => {
            argument.action(ArgAction::Set).num_args(0..=1).require_equals(true).default_missing_value("true")
        }
        Kind::Text
        | Kind::Secret
        | Kind::Path
        | Kind::Number { .. }
        | Kind::Duration
        | Kind::Size
        | Kind::Choice(_) => argument.action(ArgAction::Set),
    }
}

const fn value_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Text | Kind::Choice(_) | Kind::List => "TEXT",
        Kind::Secret => "URL",
        Kind::Path => "PATH",
        Kind::Flag => "BOOL",
        Kind::Number { .. } => "N",
        Kind::Duration => "TIME",
        Kind::Size => "SIZE",
    }
}
