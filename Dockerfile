# syntax=docker/dockerfile:1

# The pages. Their types come from the API description, their texts from the locales.
FROM node:22-bookworm-slim AS pages
WORKDIR /src/frontend
COPY frontend/package.json frontend/package-lock.json ./
RUN npm install --no-save --no-audit --no-fund
COPY locales /src/locales
COPY server/web/api /src/server/web/api
COPY frontend ./
RUN npm run build

# The program, with pages, texts and migrations inside.
FROM golang:1.26-bookworm AS program
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
COPY --from=pages /src/frontend/dist ./frontend/dist
ENV CGO_ENABLED=0
RUN go build -trimpath -buildvcs=false -ldflags="-s -w" -o /omni ./server

# Certificates and time zones, an ordinary user, no shell. PostgreSQL is reached by OMNI_DATABASE_URL: a container starts no private one.
FROM gcr.io/distroless/static-debian12:nonroot
COPY --from=program /omni /usr/local/bin/omni
ENV OMNI_LISTEN=0.0.0.0:8080 \
    OMNI_INTERNAL_LISTEN=0.0.0.0:9090
EXPOSE 8080 9090
USER nonroot:nonroot
STOPSIGNAL SIGTERM
ENTRYPOINT ["/usr/local/bin/omni"]
CMD ["serve"]
