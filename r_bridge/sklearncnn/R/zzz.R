# marginaleffects takes models of other packages only where this option names them.
.onLoad <- function(libname, pkgname) {
  known <- getOption("marginaleffects_model_classes")
  options(marginaleffects_model_classes = union(known, "sklearncnn_mlp"))
}
