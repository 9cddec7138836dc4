arrayConcat(
                    {{word}}.gauge.data_points,
                    {{word}}.sum.data_points,
                    {{word}}.histogram.data_points,
                    {{word}}.exponential_histogram.data_points,
                    {{word}}.summary.data_points)
