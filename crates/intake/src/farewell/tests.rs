//! The table of utterances that holds the rule.

use super::*;

const MEANT: &[&str] = &[
    "goodbye",
    "Goodbye.",
    "GOODBYE!",
    "okay, goodbye.",
    "please HANG UP now",
    "good bye",
    "Good-bye!",
    "goodbye?",
    "hang up",
    "You can hang up now.",
    "I'll hang up now",
    "I want to hang up",
    "I just want to say goodbye",
    "thanks for your help goodbye",
    "No, goodbye.",
    "No thanks, that's all. Goodbye!",
    "I don't need anything else goodbye",
    "I don't need anything else, goodbye.",
    "I'm not going to call again goodbye",
    "I don't know. Goodbye.",
    "Don't hang up. Oh well, goodbye.",
    "How much is it? Never mind, goodbye.",
    "could you hang up, please?",
    "Can you hang up now?",
    "will you please hang up",
    "goodbye and thank you",
    "\u{201c}goodbye\u{201d}",
    "goodbye\u{2014}talk to you later",
    "well goodbye then",
    // Without punctuation, as a transcript may be.
    "that's it goodbye",
    "okay that's it goodbye",
    "got it goodbye",
    "I appreciate it goodbye",
    "I am done goodbye",
    "we are done goodbye",
    "that is all thank you goodbye",
    "this was helpful goodbye",
    "thank you that's what I needed goodbye",
    "bye everyone goodbye",
    "no I don't goodbye",
    "not now goodbye",
    "I like that goodbye",
    "I will call her goodbye",
    "  goodbye  ",
];

const NOT_MEANT: &[&str] = &[
    // Not there, or not as whole words.
    "",
    "   ",
    "?!",
    "hello",
    "goodbyes are hard",
    "I goodbyed him",
    "the hangup was rude",
    "hang the picture up",
    "hanging up is easy",
    "a good buy",
    "change upholstery",
    // Negated.
    "don't hang up",
    "Don\u{2019}t hang up!",
    "please do not hang up",
    "please don't hang up on me",
    "dont hang up",
    "never hang up",
    "don't you dare hang up",
    "I don't want to hang up",
    "I don't want you to hang up yet",
    "I never said goodbye",
    "he left without saying goodbye",
    "I'm not saying goodbye",
    "I can't say goodbye",
    "Wait, don't hang up, I have a question",
    "this is not goodbye",
    "I don't mean goodbye",
    // Asked about.
    "okay so how do I say goodbye in French",
    "is it time to hang up",
    "how do I say goodbye in French?",
    "How do I say goodbye in French",
    "tell me how to say goodbye",
    "what does goodbye mean?",
    "should I hang up?",
    "Do I have to hang up?",
    "why did you hang up",
    "if I hang up will you call me back",
    "before I hang up one more question",
    "when I hang up what happens",
    "can you say goodbye in Spanish",
    "shall I hang up?",
    // Talked about.
    "goodbye is a sad word",
    "say goodbye to my mother for me",
    "I need a goodbye present",
    "the word goodbye",
    "they always hang up on me",
    "people hang up all the time",
    "she hang up on me",
    "she said goodbye",
    "people always say goodbye",
];

#[test]
fn a_farewell_that_is_meant_ends_the_call() {
    for utterance in MEANT {
        assert!(Farewell::default().is_meant(utterance), "should end the call: {utterance:?}");
    }
}

#[test]
fn a_farewell_that_is_not_meant_does_not() {
    for utterance in NOT_MEANT {
        assert!(!Farewell::default().is_meant(utterance), "should go on: {utterance:?}");
    }
}

#[test]
fn case_and_punctuation_around_a_bare_phrase_do_not_matter() {
    for phrase in ["goodbye", "hang up"] {
        for mark in [".", "!", "?", "...", ",", ";", " "] {
            for text in [phrase.to_owned(), phrase.to_uppercase()] {
                assert!(Farewell::default().is_meant(&format!("{text}{mark}")), "{text}{mark}");
                assert!(Farewell::default().is_meant(&format!("okay{mark}{text}")) || mark == " ");
            }
        }
    }
}

#[test]
fn phrases_are_configurable_in_any_language() {
    let farewell = Farewell::of(["Auf Wiederh\u{f6}ren", "tsch\u{fc}ss"]);
    assert!(farewell.is_meant("Danke, auf WIEDERH\u{d6}REN!"));
    assert!(farewell.is_meant("tsch\u{fc}ss"));
    assert!(!farewell.is_meant("goodbye"));
    assert_eq!(Farewell::of([" ", "!"]), Farewell::default());
}

#[test]
fn a_very_long_utterance_is_no_trouble() {
    let long = "and then he said ".repeat(10_000);
    assert!(!Farewell::default().is_meant(&long));
    assert!(Farewell::default().is_meant(&format!("{long}. goodbye")));
}
