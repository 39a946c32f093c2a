//! YAML 1.2 through the parser's events: no tags, no directives, one document, bounded in every direction.

use std::collections::HashMap;

use granit_parser::{Event, Options, Parser, ScalarStyle, ScanError};

use super::{ALIASES_MAX, Broken, Budget, DEPTH_MAX, advice, duplicate_key, scalar, too_deep};
use crate::diagnostic::{Code, Findings};
use crate::node::{Entry, Kind, Node, Scalar, ScalarValue, Span, Spanned, Style};
use crate::place::Places;

/// A finished node that aliases may repeat, with its size.
struct Anchored {
    node: Node,
    nodes: usize,
    text: usize,
    depth: usize,
}

/// A list or map that is not yet closed.
struct Open {
    start: usize,
    anchor: usize,
    part: Part,
}

enum Part {
    List(Vec<Node>),
    Map { entries: Vec<Entry>, seen: HashMap<String, Span>, key: Option<Spanned<String>> },
}

struct Builder<'t, 'f> {
    text: &'t str,
    places: Places<'t>,
    findings: &'f mut Findings,
    open: Vec<Open>,
    root: Option<Node>,
    anchors: HashMap<usize, Anchored>,
    aliases: usize,
    budget: Budget,
}

pub(super) fn read(text: &str, findings: &mut Findings) -> Result<Node, Broken> {
    let mut options = Options::default();
    options.disallow_directives = true;
    options.flow_nesting_limit = DEPTH_MAX + 1;
    options.block_nesting_limit = DEPTH_MAX + 1;
    options.set_emit_comments(false);
    let mut builder = Builder {
        text,
        places: Places::new(text),
        findings,
        open: Vec::new(),
        root: None,
        anchors: HashMap::new(),
        aliases: 0,
        budget: Budget::new(),
    };
    for next in Parser::new_from_str_with_options(text, options) {
        let (event, span) = next.map_err(|error| broken(text, &error))?;
        let bytes = span.byte_range().unwrap_or(0..0);
        builder.take(event, Span::new(bytes.start, bytes.end))?;
    }
    builder.root.ok_or_else(|| Broken {
        code: Code::Empty,
        span: Span::at(0),
        message: "The document is empty.".to_owned(),
        advice: "A workflow needs at least a `name` and one task; `candor new` writes one to begin with.".to_owned(),
    })
}

fn broken(text: &str, error: &ScanError) -> Broken {
    let at = error.marker().byte_offset().unwrap_or(0);
    if *error.kind() == granit_parser::ErrorKind::RecursionLimitExceeded {
        return too_deep(Span::at(at));
    }
    let (message, advice) = advice::of_yaml(text, at, error);
    Broken { code: Code::Syntax, span: advice::mark(text, at), message, advice }
}

impl Builder<'_, '_> {
    fn take(&mut self, event: Event<'_>, span: Span) -> Result<(), Broken> {
        match event {
            Event::Scalar(value, style, anchor, tag) => {
                no_tag(tag.is_some(), span)?;
                let node = scalar_node(value.into_owned(), style, span);
                self.add(node, anchor)
            }
            Event::SequenceStart(_, anchor, tag) => {
                no_tag(tag.is_some(), span)?;
                self.begin(span, anchor, Part::List(Vec::new()))
            }
            Event::MappingStart(_, anchor, tag) => {
                no_tag(tag.is_some(), span)?;
                self.begin(span, anchor, Part::Map { entries: Vec::new(), seen: HashMap::new(), key: None })
            }
            Event::SequenceEnd | Event::MappingEnd => self.end(span),
            Event::Alias(id) => self.alias(id, span),
            Event::DocumentStart(..) if self.root.is_some() => Err(Broken {
                code: Code::SeveralDocuments,
                span,
                message: "The text holds more than one document.".to_owned(),
                advice: "Write each workflow into a file of its own.".to_owned(),
            }),
            // Comments and anchors carry no data; unresolved aliases were not asked for.
            _ => Ok(()),
        }
    }

    fn begin(&mut self, span: Span, anchor: usize, part: Part) -> Result<(), Broken> {
        if self.open.len() >= DEPTH_MAX {
            return Err(too_deep(span));
        }
        self.expect_key(span)?;
        self.open.push(Open { start: span.start, anchor, part });
        Ok(())
    }

    /// A list or map must not stand where a key is due.
    fn expect_key(&self, span: Span) -> Result<(), Broken> {
        match self.open.last() {
            Some(Open { part: Part::Map { key: None, .. }, .. }) => Err(Broken {
                code: Code::Syntax,
                span,
                message: "A key must be a text, not a list or a map.".to_owned(),
                advice: advice::of_braces(self.text, span.start)
                    .unwrap_or_else(|| "Write the key as a plain word.".to_owned()),
            }),
            Some(_) | None => Ok(()),
        }
    }

    fn end(&mut self, span: Span) -> Result<(), Broken> {
        let Some(open) = self.open.pop() else { return Ok(()) };
        let kind = match open.part {
            Part::List(items) => Kind::List(items),
            Part::Map { entries, .. } => Kind::Map(entries),
        };
        self.add(Node { span: Span::new(open.start, span.end), kind }, open.anchor)
    }

    fn add(&mut self, node: Node, anchor: usize) -> Result<(), Broken> {
        let own_text = node.as_scalar().map_or(0, |scalar| scalar.text.len());
        self.budget.spend(1, own_text, node.span)?;
        if anchor != 0 {
            let (nodes, text, depth) = size(&node);
            self.budget.spend(nodes, text, node.span)?;
            self.anchors.insert(anchor, Anchored { node: node.clone(), nodes, text, depth });
        }
        self.place(node)
    }

    fn place(&mut self, node: Node) -> Result<(), Broken> {
        match self.open.last_mut() {
            None => self.root = Some(node),
            Some(Open { part: Part::List(items), .. }) => items.push(node),
            Some(Open { part: Part::Map { entries, seen, key }, .. }) => match key.take() {
                Some(key) => {
                    if let Some(first) = seen.get(&key.value) {
                        duplicate_key(self.findings, &key.value, key.span, &self.places, *first);
                    } else {
                        seen.insert(key.value.clone(), key.span);
                        entries.push(Entry { key, value: node });
                    }
                }
                None => {
                    let Kind::Scalar(scalar) = node.kind else { return self.expect_key(node.span) };
                    *key = Some(Spanned { value: scalar.text, span: node.span });
                }
            },
        }
        Ok(())
    }

    fn alias(&mut self, id: usize, span: Span) -> Result<(), Broken> {
        self.aliases += 1;
        if self.aliases > ALIASES_MAX {
            return Err(Broken {
                code: Code::TooManyAliases,
                span,
                message: format!("The document has more than {ALIASES_MAX} aliases (`*name`)."),
                advice: "Write the values out, or move what repeats into `defaults` or `env`.".to_owned(),
            });
        }
        let Some(anchored) = self.anchors.get(&id) else {
            return Err(Broken {
                code: Code::Syntax,
                span,
                message: "This alias stands inside the value that it repeats.".to_owned(),
                advice: "A value cannot contain itself: write this part out.".to_owned(),
            });
        };
        if self.open.len() + anchored.depth > DEPTH_MAX {
            return Err(too_deep(span));
        }
        self.budget.spend(anchored.nodes, anchored.text, span)?;
        let node = anchored.node.clone();
        self.place(node)
    }
}

fn no_tag(tagged: bool, span: Span) -> Result<(), Broken> {
    if !tagged {
        return Ok(());
    }
    Err(Broken {
        code: Code::Tag,
        span,
        message: "Tags such as `!include` or `!!str` are not read.".to_owned(),
        advice: "Remove the tag; put a text that looks like a number in quotes.".to_owned(),
    })
}

fn scalar_node(text: String, style: ScalarStyle, span: Span) -> Node {
    let style = match style {
        ScalarStyle::Plain => Style::Plain,
        ScalarStyle::SingleQuoted => Style::SingleQuoted,
        ScalarStyle::DoubleQuoted => Style::DoubleQuoted,
        ScalarStyle::Literal | ScalarStyle::Folded => Style::Block,
    };
    let value = if style == Style::Plain { scalar::resolve(&text) } else { ScalarValue::Text };
    Node { span, kind: Kind::Scalar(Scalar { value, text, style }) }
}

/// Nodes, bytes of text and depth of a node with everything below it.
fn size(node: &Node) -> (usize, usize, usize) {
    let below = |parts: &mut dyn Iterator<Item = (usize, &Node)>| {
        parts.fold((1, 0, 0), |(nodes, text, depth), (key, part)| {
            let (part_nodes, part_text, part_depth) = size(part);
            (nodes + part_nodes, text + key + part_text, depth.max(part_depth))
        })
    };
    let (nodes, text, depth) = match &node.kind {
        Kind::Scalar(scalar) => return (1, scalar.text.len(), 0),
        Kind::List(items) => below(&mut items.iter().map(|item| (0, item))),
        Kind::Map(entries) => below(&mut entries.iter().map(|entry| (entry.key.value.len(), &entry.value))),
    };
    (nodes, text, depth + 1)
}
