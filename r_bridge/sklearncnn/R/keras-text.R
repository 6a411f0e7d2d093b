#' Texts as numbers of words
#'
#' A tokenizer numbers the words of texts by how often they occur, from 1 for the most frequent.
#' `fit_text_tokenizer()` changes the tokenizer itself and returns it, and can be called again for
#' further texts. All is done in R: no Python is needed, and `saveRDS()` keeps a tokenizer.
#'
#' @param num_words Words from this number on are left out of sequences and matrices, so that
#'   `num_words - 1` words are kept; all by default.
#' @param filters Characters that are taken as spaces.
#' @param lower Whether texts are turned into lower case.
#' @param split What stands between words.
#' @param char_level Whether every character is a word.
#' @param oov_token A word that stands for all that are not known or are left out, with number 1.
#'   They are dropped by default.
#' @param object,tokenizer A tokenizer.
#' @param x,texts Texts, a character vector; for `fit_text_tokenizer()`.
#' @param sequences A list of integer vectors.
#' @param mode What the matrix holds: whether a word occurs (`"binary"`), how often (`"count"`), its
#'   share of the words of the text (`"freq"`), or `"tfidf"`: `1 + log(count)` times
#'   `log(1 + n / (1 + n_with))`, with `n` texts seen and `n_with` of them having the word.
#' @param ... Not used.
#' @returns `text_tokenizer()` and `fit_text_tokenizer()` return the tokenizer: `$word_index` and
#'   `$index_word` are its words and numbers, `$word_counts`, `$word_docs` and `$document_count` how
#'   often words were seen, and in how many of how many texts. `texts_to_sequences()` returns a list
#'   of integer vectors, `sequences_to_texts()` a character vector, the others a matrix with a row
#'   for each text and a column for each number, of which the first is 0 and never used.
#' @seealso [pad_sequences()], [layer_embedding()]; [layer_text_vectorization()] does the same inside a
#'   network; [deep-learning] lists all that there is.
#' @family texts
#' @examples
#' texts <- c("The cat sat on the mat.", "The dog ate my homework.")
#' tokenizer <- text_tokenizer(num_words = 1000) %>% fit_text_tokenizer(texts)
#' texts_to_sequences(tokenizer, texts)
#' texts_to_matrix(tokenizer, texts)[, 1:6]
#' unlist(tokenizer$word_index)
#' @export
text_tokenizer <- function(num_words = NULL,
                           filters = "!\"#$%&()*+,-./:;<=>?@[\\]^_`{|}~\t\n", lower = TRUE,
                           split = " ", char_level = FALSE, oov_token = NULL) {
  check_count(num_words, "num_words")
  check_flag(lower, "lower")
  check_flag(char_level, "char_level")
  tokenizer <- list2env(list(
    num_words = num_words, filters = filters, lower = lower, split = split,
    char_level = char_level, oov_token = oov_token, document_count = 0L,
    word_counts = list(), word_docs = list(), word_index = list(), index_word = list()
  ), parent = emptyenv())
  structure(list(tokenizer), class = c("sklearncnn_tokenizer", "sklearncnn"))
}

#' @rdname text_tokenizer
#' @export
fit_text_tokenizer <- function(object, x, ...) {
  state <- tokenizer_state(object)
  words <- words_of(state, x)
  within <- lapply(words, unique)
  state$document_count <- state$document_count + length(words)
  state$word_counts <- added_counts(state$word_counts, unlist(words))
  state$word_docs <- added_counts(state$word_docs, unlist(within))
  counts <- unlist(state$word_counts)
  # A stable order: of words that are as frequent the first seen goes before.
  ranked <- c(state$oov_token, names(counts)[order(-counts)])
  state$word_index <- stats::setNames(as.list(seq_along(ranked)), ranked)
  state$index_word <- stats::setNames(as.list(ranked), seq_along(ranked))
  invisible(object)
}

added_counts <- function(counts, words) {
  words <- factor(words, unique(c(names(counts), words)))
  added <- tabulate(words, nlevels(words))
  before <- c(unlist(counts), integer(nlevels(words) - length(counts)))
  stats::setNames(as.list(as.integer(before + added)), levels(words))
}

tokenizer_state <- function(tokenizer) {
  if (!inherits(tokenizer, "sklearncnn_tokenizer")) {
    abort("argument", "A tokenizer of text_tokenizer() is wanted.", call = sys.call(-1))
  }
  .subset2(tokenizer, 1L)
}

#' @export
`$.sklearncnn_tokenizer` <- function(x, name) .subset2(x, 1L)[[name]]

#' @export
print.sklearncnn_tokenizer <- function(x, ...) {
  cat("<Tokenizer of ", length(x$word_index), " words from ", x$document_count, " texts>\n", sep = "")
  invisible(x)
}

# The words of each text.
words_of <- function(state, texts) {
  texts <- as.character(unlist(texts))
  if (anyNA(texts)) abort("data", "A text is missing: leave NA out.", call = sys.call(-1))
  texts <- enc2utf8(texts)
  if (state$lower) texts <- tolower(texts)
  if (state$char_level) return(strsplit(texts, "", fixed = TRUE))
  spaces <- strrep(substr(state$split, 1L, 1L), nchar(state$filters))
  words <- strsplit(chartr(state$filters, spaces, texts), state$split, fixed = TRUE)
  lapply(words, function(words) words[nzchar(words)])
}

#' @rdname text_tokenizer
#' @export
texts_to_sequences <- function(tokenizer, texts) {
  state <- tokenizer_state(tokenizer)
  check_tokenizer_fitted(state, sys.call())
  known <- names(state$word_index)
  unknown <- if (is.null(state$oov_token)) NA_integer_ else 1L
  lapply(words_of(state, texts), function(words) {
    numbers <- match(words, known)
    if (!is.null(state$num_words)) numbers[!is.na(numbers) & numbers >= state$num_words] <- NA
    numbers[is.na(numbers)] <- unknown
    numbers[!is.na(numbers)]
  })
}

#' @rdname text_tokenizer
#' @export
sequences_to_texts <- function(tokenizer, sequences) {
  state <- tokenizer_state(tokenizer)
  words <- unlist(state$index_word)
  vapply(sequences, function(numbers) {
    numbers <- numbers[numbers >= 1L]
    if (!is.null(state$num_words)) numbers <- numbers[numbers < state$num_words]
    paste(words[numbers[numbers <= length(words)]], collapse = " ")
  }, "")
}

#' @rdname text_tokenizer
#' @export
texts_to_matrix <- function(tokenizer, texts, mode = c("binary", "count", "tfidf", "freq")) {
  sequences_to_matrix(tokenizer, texts_to_sequences(tokenizer, texts), mode)
}

#' @rdname text_tokenizer
#' @export
sequences_to_matrix <- function(tokenizer, sequences, mode = c("binary", "count", "tfidf", "freq")) {
  mode <- match.arg(mode)
  state <- tokenizer_state(tokenizer)
  check_tokenizer_fitted(state, sys.call())
  n_words <- if (is.null(state$num_words)) length(state$word_index) + 1L else state$num_words
  counts <- t(vapply(sequences, function(numbers) {
    as.double(tabulate(numbers[numbers < n_words] + 1L, n_words))
  }, numeric(n_words)))
  dim(counts) <- c(length(sequences), n_words)
  switch(mode,
    binary = (counts > 0) + 0,
    count = counts,
    freq = counts / pmax(lengths(sequences), 1L),
    tfidf = {
      seen <- numeric(n_words)
      numbers <- seq_len(min(n_words - 1L, length(state$index_word)))
      docs <- unlist(state$word_docs)[unlist(state$index_word)[numbers]]
      seen[numbers + 1L] <- ifelse(is.na(docs), 0, docs)
      idf <- log(1 + state$document_count / (1 + seen))
      weighted <- ifelse(counts > 0, 1 + log(pmax(counts, 1)), 0)
      sweep(weighted, 2L, idf, "*")
    }
  )
}

check_tokenizer_fitted <- function(state, call) {
  if (!length(state$word_index)) {
    abort("argument", "The tokenizer has seen no texts: call fit_text_tokenizer() first.", call)
  }
}
