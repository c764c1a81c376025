"""EM around estimators of scikit-learn: their fits inside, memberships outside."""
