app.secret_key = 'not-so-secret'
API_KEY = "0123456789abcdef"
