import torch


def red_recurrente(entrada, estado, pesos_entrada, pesos_estado, sesgo_entrada, sesgo_estado):
    """entrada: (lote, tiempo, rasgos), estado: (lote, oculto)"""
    salida = []
    for t in range(entrada.shape[1]):
        estado = torch.tanh(
            entrada[:, t] @ pesos_entrada.T + sesgo_entrada + estado @ pesos_estado.T + sesgo_estado
        )
        salida.append(estado)
    return torch.stack(salida, dim=1), estado
