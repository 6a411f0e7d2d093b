library(testthat)
library(sklearncnn)

test_check("sklearncnn")
