if({{reprice_place}} > 1, 'price_table', 'unknown_model')
