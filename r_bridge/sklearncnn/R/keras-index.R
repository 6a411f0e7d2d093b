#' Networks layer by layer: what there is
#'
#' Scripts in the style of *Deep Learning with R* run with `library(sklearncnn)` in place of
#' `library(keras)`. This page lists what they are written with.
#'
#' @section Models:
#' [keras_model_sequential()], [keras_model()] with [layer_input()], [compile()], [fit()],
#' [evaluate()], [predict()][predict.sklearncnn_keras_model], [train_on_batch()],
#' [summary() and plot()][summary.sklearncnn_keras_model], [get_layer()], [get_weights()],
#' [set_weights()], [count_params()], [get_config()], [freeze_weights()], [clear_session()].
#'
#' @section Layers:
#' - Tables: [layer_dense()], [layer_dropout()], [layer_batch_normalization()],
#'   [layer_normalization()], [layer_activation()].
#' - Pictures: [layer_conv_2d()], [layer_separable_conv_2d()], [layer_conv_2d_transpose()],
#'   [layer_max_pooling_2d()], [layer_global_average_pooling_2d()], [layer_flatten()]; their likes of
#'   one and three dimensions.
#' - Changes at random while a network is trained: [layer_random_flip()], [layer_random_rotation()],
#'   [layer_random_zoom()], [layer_random_translation()], [layer_random_contrast()].
#' - Series and texts: [layer_embedding()], [layer_lstm()], [layer_gru()], [layer_simple_rnn()],
#'   [bidirectional()], [layer_conv_1d()], [layer_text_vectorization()] with [adapt()].
#' - Several paths: [layer_add()], [layer_concatenate()], [layer_multiply()], [layer_dot()].
#'
#' What they are made of: [regularizer_l2()], [initializer_he_normal()], [constraint_maxnorm()] and
#' their families.
#'
#' @section Losses, metrics, optimizers, callbacks:
#' [loss_categorical_crossentropy()], [metric_auc()], [optimizer_rmsprop()],
#' [callback_early_stopping()] and their families; R functions as callbacks are in
#' [callback_lambda()].
#'
#' @section Data:
#' - Data sets: [dataset_mnist(), dataset_imdb() and others][datasets].
#' - Arrays: [array_reshape()], [to_categorical()], [normalize()], [pad_sequences()].
#' - Pictures: [image_load()], [image_dataset_from_directory()], [image_data_generator()] with
#'   [flow_images_from_directory()] or [flow_images_from_dataframe()].
#' - Series: [timeseries_dataset_from_array()], [timeseries_generator()].
#' - Texts: [text_tokenizer()], [layer_text_vectorization()].
#' - Batches one by one: [generator_next()]; R functions that make them: [fit()].
#'
#' @section Known networks, and looks into networks:
#' [application_vgg16(), application_resnet50() and others][applications], [activations()],
#' [filter_patterns()], [gradcam()].
#'
#' @section Files:
#' `saveRDS()` keeps a model; [save_model()] and [load_model()] write and read files of Keras.
#'
#' @section Choosing a network:
#' [cross_validate() and grid_search()][cross_validate_layers].
#'
#' @section What there is not:
#' Functions on tensors (`k_*`, `op_*`), classes of one's own (`new_layer_class()` and the like) and
#' gradient tapes: networks are compiled, and R functions cannot be a part of them.
#'
#' @seealso [mlp()], [cnn()] and [autoencoder()] fit networks by a formula or to arrays.
#' @name deep-learning
#' @aliases deep_learning
NULL
