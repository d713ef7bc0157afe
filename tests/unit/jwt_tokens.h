/* jwt_tokens: keys and tokens for the tests of jwt and of the configuration.
 *
 * The tokens (user 5, until 9983311200, kid "a") were made with Node's crypto.sign; their private keys were thrown away. Those of
 * the RFCs are the examples printed there.
 */
#ifndef ENCKE_TESTS_UNIT_JWT_TOKENS_H
#define ENCKE_TESTS_UNIT_JWT_TOKENS_H

__attribute__((unused)) static const char rs256_pem[] =
    "-----BEGIN PUBLIC KEY-----\n"
    "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA06aHGVRtRFF9gZ81ch3v\n"
    "6SbWZlM0573UvWvqvchWfVeNPzk/KRyK0CReT40EqYur6KRCtZAteIB6+YEEmRLB\n"
    "rxNK0XnB5NpPzwa3cgqYTXPf302MAWEy1yJvzVLSsOsIH1jzQZ9rs4lcC7AloYZ8\n"
    "HeVLJuGirk00CCMZ6ssjd/A07vRU6NCt8dD349GlWXlB8/Iw8jIbPQgtCF7BHjvZ\n"
    "v1141JNXro8b05AokOgcTuF5DLLLxwrqeO1lSKq0tYWbTA6M1d6pf0/bFyOEBGtN\n"
    "NTuVeP9QtZ/Cu6g0XfPeteq9xd3okkNLkK8sdR9hU9flMNzsKHxzYdqUz8V5VuRt\n"
    "RQIDAQAB\n"
    "-----END PUBLIC KEY-----\n";
__attribute__((unused)) static const char rs256_token[] =
    "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6ImEifQ.eyJ1c2VyX2lkIjo1LCJleHAiOjk5ODMzMTEyMDB9.h2lhAGCYLcZoNiChTe"
    "CmmHF9ZQQC-pNpe8AJm8_1Ph0cAoZ1COPB1md1KpwxBx_iayk9X_iBYnggkM-P7Japq8SJXvFuvnbfUbgbq0X5VoDmkvhN-OWVev6yIN1VbHJu"
    "NemoaMPREj3aBGrmnn6qV-I-QB4PP8xR6Z3BrG2ZQgKJKOWTls0jET5Ti4WLDvMW45ukuFsmAMEOt4ABAaU8bv6_VqnaacdKr_CNVpwGOINVdS"
    "jKU-VQHMsEP03r-P_kqxtA9OHfFRhivaaqLydcoj0_rNpXs2FyIMuK4OeR6MoHITkAuhz3yUMJ63fozMlynf_hsmOmJ9xs6S1wHnYsog";

__attribute__((unused)) static const char es256_pem[] =
    "-----BEGIN PUBLIC KEY-----\n"
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEXsH/wa0dEwghspHzIJhsX2IR7IO5\n"
    "BSQ1O+yJpOed7hQAYmtX3LJSbz43C9IDkD8xMy68Td+pHi3UPRVFqj/TUA==\n"
    "-----END PUBLIC KEY-----\n";
__attribute__((unused)) static const char es256_token[] =
    "eyJhbGciOiJFUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6ImEifQ.eyJ1c2VyX2lkIjo1LCJleHAiOjk5ODMzMTEyMDB9.yrhOjVBo2wjYlkIi5E"
    "rVl2Amslvyf22Hh_w0Oh0bwrzzcL71OfVtkXvFRNH_O77cBX_8-6oNnrBTf7aqvK_--Q";

__attribute__((unused)) static const char eddsa_pem[] =
    "-----BEGIN PUBLIC KEY-----\n"
    "MCowBQYDK2VwAyEAoOINyHqK1w2Py3Gea0ByROYhBCKyT3TKea8KxJnBgFA=\n"
    "-----END PUBLIC KEY-----\n";
__attribute__((unused)) static const char eddsa_token[] =
    "eyJhbGciOiJFZERTQSIsInR5cCI6IkpXVCIsImtpZCI6ImEifQ.eyJ1c2VyX2lkIjo1LCJleHAiOjk5ODMzMTEyMDB9.LQQ-S0a7I9-2nhfezv"
    "qj8K53tj9gN4y6Q81tPFhQrRuhTlm6CcaYMolTfmM0ei6nw4M_QNeDtX4-8RAioTOfBg";

__attribute__((unused)) static const char rsa_1024_pem[] =
    "-----BEGIN PUBLIC KEY-----\n"
    "MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQCvwrtDsSCw6cpQTRNmqAmHhxIv\n"
    "OKge7BTCxMTmhvdDyWK3VDYhsu+EPRUCbYbsKax9yWzl7RathHh5aD1vtDregIpA\n"
    "SwbkJfivSJUZR9VzvgUpN/AKOGvWaUSRpSOgcwqRfUQt7cCjzX+rFOtE9cFUibla\n"
    "Y5vK5SHc3/8p0bIYEwIDAQAB\n"
    "-----END PUBLIC KEY-----\n";
__attribute__((unused)) static const char p384_pem[] =
    "-----BEGIN PUBLIC KEY-----\n"
    "MHYwEAYHKoZIzj0CAQYFK4EEACIDYgAENGq3hxmzHWMkbfHE7tizNqXLxz7TzLIg\n"
    "0b9PZw+FFrDdn9nA8hLy6C7uco8Ji/RNZc7BB1l0rE5jsJt2o3rx/2fhJnviA8+X\n"
    "1ufBkFQS4QutxBTzZLTX5cxQOWGyUW0W\n"
    "-----END PUBLIC KEY-----\n";
__attribute__((unused)) static const char x25519_pem[] =
    "-----BEGIN PUBLIC KEY-----\n"
    "MCowBQYDK2VuAyEA9aLXABuzzrTkaQB5riiSwhV/fIN21P3R6MEHOW5nCwI=\n"
    "-----END PUBLIC KEY-----\n";
__attribute__((unused)) static const char private_pem[] =
    "-----BEGIN PRIVATE KEY-----\n"
    "MC4CAQAwBQYDK2VwBCIEIDAIJNG+UBzNNHliXN8RARWX6oLRjBk4+HTWe/kP3l5v\n"
    "-----END PRIVATE KEY-----\n";

/* RFC 7515 A.2. */
__attribute__((unused)) static const char rfc_rsa_pem[] =
    "-----BEGIN PUBLIC KEY-----\n"
    "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAofgWCuLjybRlzo0tZWJj\n"
    "NiuSfb4p4fAkd/wWJcyQoTbji9k0l8W26mPddxHmfHQp+Vaw+4qPCJrcS2mJPMEz\n"
    "P1Pt0Bm4d4QlL+yRT+SFd2lZS+pCgNMsD1W/YpRPEwOWvG6b32690r2jZ47soMZo\n"
    "9wGzjb/7OMg0LOL+bSf63kpaSHSXndS5z5rexMdbBYUsLA9e+KXBdQOS+UTo7WTB\n"
    "EMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6/I5IhlJH7aGhyxX\n"
    "FvUK+DWNmoudF8NAco9/h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXp\n"
    "oQIDAQAB\n"
    "-----END PUBLIC KEY-----\n";
/* RFC 7515 A.3. */
__attribute__((unused)) static const char rfc_p256_pem[] =
    "-----BEGIN PUBLIC KEY-----\n"
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEf83OJ3D2xF1Bg8vub9tLe1gHMzV7\n"
    "6e8Tus9uPHvRVEXH8UTNG72bfocs3+257rn0s2ldbqkLJK2KRiMohYjlrQ==\n"
    "-----END PUBLIC KEY-----\n";
/* RFC 8037 A.2. */
__attribute__((unused)) static const char rfc_ed25519_pem[] =
    "-----BEGIN PUBLIC KEY-----\n"
    "MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n"
    "-----END PUBLIC KEY-----\n";

__attribute__((unused)) static const char rfc_hs256_token[] =
    "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlL"
    "mNvbS9pc19yb290Ijp0cnVlfQ.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
__attribute__((unused)) static const char rfc_hs256_secret[] = /* base64url */
    "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow";
__attribute__((unused)) static const char rfc_rs256_token[] =
    "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0c"
    "nVlfQ.cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdb"
    "F9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6"
    "_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0ig"
    "cN_IoypGlUPQGe77Rw";
__attribute__((unused)) static const char rfc_es256_token[] =
    "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0c"
    "nVlfQ.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
__attribute__((unused)) static const char rfc_eddsa_token[] = /* RFC 8037 A.4; its payload is no JSON */
    "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4"
    "ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";

#endif
