# docker build -t rnncli .
# docker run --rm rnncli verify --bidirectional --layers 4
#
# With CUDA: docker build --build-arg TORCH_INDEX_URL=https://download.pytorch.org/whl/cu130 -t rnncli:cuda .
#            docker run --rm --gpus all rnncli:cuda verify --device cuda
FROM python:3.11-slim

ARG TORCH_INDEX_URL=https://download.pytorch.org/whl/cpu

RUN useradd --create-home --uid 1000 rnncli
WORKDIR /app

# torch first, in a layer of its own: it is large, and changes seldom
COPY constraints.txt ./
RUN pip install --no-cache-dir --constraint constraints.txt --extra-index-url "$TORCH_INDEX_URL" torch

COPY pyproject.toml README.md LICENSE ./
COPY rnncli ./rnncli
RUN pip install --no-cache-dir --constraint constraints.txt .
COPY configs ./configs

USER rnncli
ENTRYPOINT ["rnncli"]
CMD ["--help"]
