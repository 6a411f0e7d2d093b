# The same estimators from R: a formula, a summary, a comparison with glm(), a picture.
# Run by `make demo`; pictures go to output/demo.

library(sklearncnn)

script <- sub("--file=", "", grep("^--file=", commandArgs(), value = TRUE))
output <- file.path(dirname(dirname(normalizePath(script))), "output", "demo")
dir.create(output, recursive = TRUE, showWarnings = FALSE)

title <- function(text) cat("\n", text, "\n", strrep("-", nchar(text)), "\n", sep = "")

title("R: a network without hidden layer is a glm")
counts <- breaks ~ wool + tension
network <- mlp(counts, warpbreaks, family = poisson(), hidden = NULL)
classic <- glm(counts, family = poisson(), data = warpbreaks)
print(cbind(network = coef(network), glm = coef(classic)), digits = 5)
print(summary(network))
stopifnot(max(abs(coef(network) - coef(classic))) < 1e-3)

title("R: a hidden layer, chosen by cross-validation")
set.seed(1)
folds <- sample(rep(1:5, length.out = nrow(cars)))
squared_error <- function(hidden) {
  mean(vapply(1:5, function(fold) {
    fit <- mlp(dist ~ speed, cars[folds != fold, ], hidden = hidden, alpha = 1, starts = 3)
    mean((cars$dist[folds == fold] - predict(fit, cars[folds == fold, ]))^2)
  }, 0))
}
candidates <- list(`a line` = NULL, `2 units` = 2, `4 units` = 4)
errors <- vapply(candidates, squared_error, 0)
print(data.frame(rmse = sqrt(errors)), digits = 4)

title("R: a factor with three levels")
set.seed(1)
flowers <- mlp(Species ~ ., iris, hidden = 3, alpha = 1)
predicted <- predict(flowers, iris, type = "class")
print(table(observed = iris$Species, predicted))

picture <- file.path(output, "stopping_distances.png")
png(picture, width = 900, height = 600, res = 130)
set.seed(1)
curve_of_network <- mlp(dist ~ speed, cars, hidden = 4, alpha = 1)
grid <- data.frame(speed = seq(4, 25, length.out = 200))
par(mar = c(4.2, 4.2, 2.5, 1))
plot(dist ~ speed, cars,
  xlab = "speed (miles per hour)", ylab = "stopping distance (feet)",
  main = "mlp(dist ~ speed, cars, hidden = 4)", pch = 19, col = "grey40"
)
lines(grid$speed, predict(curve_of_network, grid), lwd = 2.5)
abline(lm(dist ~ speed, cars), lty = 2)
legend("topleft", c("network", "lm"), lty = c(1, 2), lwd = c(2.5, 1), bty = "n")
invisible(dev.off())
cat("\nPicture:", file.path("output", "demo", basename(picture)), "\n")
