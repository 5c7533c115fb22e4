"""The application's memory. PynamoDB and the encryption stay in this folder; `stores` puts its parts together."""
