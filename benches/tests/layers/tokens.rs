//! Rust source as words, marks and literals with their lines, without comments and doc comments.

/// What a token is.
#[derive(PartialEq)]
pub(crate) enum Kind {
    /// An identifier or a keyword.
    Word(String),
    /// `::`
    Colons,
    /// One character of punctuation.
    Mark(char),
    /// The text of a string. Empty for numbers and characters, which hold no path.
    Literal(String),
}

/// One token and its line, from 1.
pub(crate) struct Token {
    pub(crate) kind: Kind,
    pub(crate) line: usize,
}

impl Token {
    pub(crate) fn word(&self) -> Option<&str> {
        if let Kind::Word(word) = &self.kind { Some(word) } else { None }
    }

    pub(crate) fn is(&self, mark: char) -> bool {
        self.kind == Kind::Mark(mark)
    }
}

/// The tokens of `text`.
pub(crate) fn tokens(text: &str) -> Vec<Token> {
    let mut lexer = Lexer { chars: text.chars().collect(), at: 0, line: 1 };
    let mut found = Vec::new();
    while lexer.skip_blank() {
        let line = lexer.line;
        found.extend(lexer.next().map(|kind| Token { kind, line }));
    }
    found
}

/// The index of the bracket that closes the one at `open`, or of the end.
pub(crate) fn closing(tokens: &[Token], open: usize) -> usize {
    let mut depth = 0;
    for (at, token) in tokens.iter().enumerate().skip(open) {
        match token.kind {
            Kind::Mark('(' | '[' | '{') => depth += 1,
            Kind::Mark(')' | ']' | '}') => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return at;
        }
    }
    tokens.len()
}

struct Lexer {
    chars: Vec<char>,
    at: usize,
    line: usize,
}

impl Lexer {
    fn peek(&self, ahead: usize) -> char {
        self.chars.get(self.at + ahead).copied().unwrap_or('\0')
    }

    fn bump(&mut self) -> char {
        let char = self.peek(0);
        self.line += usize::from(char == '\n');
        self.at += 1;
        char
    }

    fn bump_while(&mut self, wanted: impl Fn(char) -> bool) -> String {
        let mut text = String::new();
        while self.at < self.chars.len() && wanted(self.peek(0)) {
            text.push(self.bump());
        }
        text
    }

    /// Skips space and comments, and returns whether any text is left.
    fn skip_blank(&mut self) -> bool {
        loop {
            self.bump_while(char::is_whitespace);
            match (self.peek(0), self.peek(1)) {
                ('/', '/') => drop(self.bump_while(|char| char != '\n')),
                ('/', '*') => self.skip_block(),
                _ => return self.at < self.chars.len(),
            }
        }
    }

    /// Skips a block comment, which may contain others.
    fn skip_block(&mut self) {
        let mut depth = 0;
        while self.at < self.chars.len() {
            match (self.peek(0), self.peek(1)) {
                ('/', '*') => depth += 1,
                ('*', '/') => depth -= 1,
                _ => {
                    self.bump();
                    continue;
                }
            }
            self.bump();
            self.bump();
            if depth == 0 {
                return;
            }
        }
    }

    /// The next token, or `None` for a lifetime or a label.
    fn next(&mut self) -> Option<Kind> {
        match self.peek(0) {
            '"' => Some(self.string()),
            '\'' => self.char_or_lifetime(),
            char if char.is_ascii_digit() => {
                self.bump_while(in_word);
                Some(Kind::Literal(String::new()))
            }
            char if in_word(char) => Some(self.word_or_prefixed()),
            ':' if self.peek(1) == ':' => {
                self.bump();
                self.bump();
                Some(Kind::Colons)
            }
            _ => Some(Kind::Mark(self.bump())),
        }
    }

    fn word_or_prefixed(&mut self) -> Kind {
        let word = self.bump_while(in_word);
        match (word.as_str(), self.peek(0)) {
            ("b", '\'') => self.char_or_lifetime().unwrap_or(Kind::Literal(String::new())),
            ("b" | "c", '"') => self.string(),
            ("r" | "br" | "cr", '"') => self.raw_string(),
            ("r", '#') if in_word(self.peek(1)) => {
                self.bump();
                Kind::Word(self.bump_while(in_word))
            }
            ("r" | "br" | "cr", '#') => self.raw_string(),
            _ => Kind::Word(word),
        }
    }

    fn string(&mut self) -> Kind {
        let mut text = String::new();
        self.bump();
        while self.at < self.chars.len() {
            match self.bump() {
                '"' => break,
                '\\' => drop(self.bump()),
                char => text.push(char),
            }
        }
        Kind::Literal(text)
    }

    fn raw_string(&mut self) -> Kind {
        let hashes = self.bump_while(|char| char == '#').len();
        self.bump();
        let mut text = String::new();
        while self.at < self.chars.len() {
            let char = self.bump();
            if char == '"' && (0..hashes).all(|ahead| self.peek(ahead) == '#') {
                self.at += hashes;
                break;
            }
            text.push(char);
        }
        Kind::Literal(text)
    }

    fn char_or_lifetime(&mut self) -> Option<Kind> {
        self.bump();
        let escaped = self.peek(0) == '\\';
        if !escaped && self.peek(1) != '\'' {
            self.bump_while(in_word);
            return None;
        }
        self.bump();
        if escaped {
            self.bump();
        }
        self.bump_while(|char| char != '\'');
        self.bump();
        Some(Kind::Literal(String::new()))
    }
}

fn in_word(char: char) -> bool {
    char.is_alphanumeric() || char == '_'
}
