texts <- c(
  "The cat sat on the mat.", "The dog ate my homework; the DOG, again!", "", "\u00c9t\u00e9\ttwo\nlines",
  "cat cat homework"
)
unseen <- c("A cat ate the unknown mat", "", "dog dog dog", "nothing known")

test_that("words have the numbers, sequences and matrices of Keras's tokenizer", {
  load_keras_commands()
  modes <- c("binary", "count", "tfidf", "freq")
  for (settings in list(
    list(lower = TRUE), list(num_words = 4L), list(num_words = 5L, oov_token = "<unk>"),
    list(lower = FALSE, filters = ".!"), list(char_level = TRUE, num_words = 8L)
  )) {
    says <- dispatch("tokenizer_says", list(
      texts = texts, more = unseen, settings = settings, modes = modes
    ))
    tokenizer <- do.call(text_tokenizer, settings)
    expect_identical(fit_text_tokenizer(tokenizer, texts), tokenizer)
    expect_identical(names(tokenizer$word_index), says$words)
    sequences <- texts_to_sequences(tokenizer, unseen)
    expect_identical(sequences, lapply(says$sequences, as.integer))
    expect_identical(sequences_to_texts(tokenizer, sequences), says$texts)
    for (mode in modes) {
      expect_equal(texts_to_matrix(tokenizer, unseen, mode), says$matrices[[mode]], label = mode)
    }
  }
})

test_that("a tokenizer learns from further texts and is kept by saveRDS()", {
  once <- text_tokenizer() %>% fit_text_tokenizer(texts)
  twice <- text_tokenizer()
  twice %>% fit_text_tokenizer(texts[1:2])
  twice %>% fit_text_tokenizer(texts[3:5])
  for (part in c("word_index", "word_counts", "word_docs", "document_count", "index_word")) {
    expect_identical(do.call(`$`, list(twice, part)), do.call(`$`, list(once, part)), label = part)
  }
  file <- tempfile()
  saveRDS(once, file)
  expect_identical(texts_to_sequences(readRDS(file), unseen), texts_to_sequences(once, unseen))
  expect_output(print(once), "<Tokenizer of 13 words from 5 texts>")
})

test_that("what is no tokenizer, not fitted, or no text is an error that says so", {
  expect_error(texts_to_sequences(text_tokenizer(), "a"), "call fit_text_tokenizer\\(\\) first")
  expect_error(texts_to_sequences(1, "a"), "A tokenizer of text_tokenizer\\(\\) is wanted")
  expect_error(fit_text_tokenizer(text_tokenizer(), NA), "leave NA out")
  expect_error(text_tokenizer(num_words = 0), "`num_words` must be a whole number")
})
